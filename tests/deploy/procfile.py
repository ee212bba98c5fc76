"""The command lines that are in force: the Procfile's. Whoever starts the same processes starts them so."""

import shlex
from collections.abc import Mapping

from tests.servers import ROOT


def commands(**variables: str) -> Mapping[str, list[str]]:
    """The words of each process's command, with these values in place of `$HOST` and `$PORT`."""
    lines = (ROOT / "Procfile").read_text().splitlines()
    named = (line.partition(": ")[::2] for line in lines)
    return {name: [variables.get(word.removeprefix("$"), word) for word in shlex.split(text)] for name, text in named}


def missing(command: list[str], wished: list[str]) -> list[str]:
    """What of the wished words is not in the command, in their order; more words may stand between."""
    rest = iter(command)
    return [word for word in wished if word not in rest]
