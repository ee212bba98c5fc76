"""The Procfile's command lines. Everything else that starts these processes has to use the same ones."""

import shlex
from collections.abc import Mapping

from tests.servers import ROOT


def commands(**variables: str) -> Mapping[str, list[str]]:
    """The words of each process's command, with these values in place of `$HOST` and `$PORT`."""
    lines = (ROOT / "Procfile").read_text().splitlines()
    named = (line.partition(": ")[::2] for line in lines)
    return {name: [variables.get(word.removeprefix("$"), word) for word in shlex.split(text)] for name, text in named}


def missing(command: list[str], wished: list[str]) -> list[str]:
    """The expected words that the command lacks in this order; it may have others between them."""
    rest = iter(command)
    return [word for word in wished if word not in rest]
