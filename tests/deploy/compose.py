"""`deploy/compose.yaml` as `docker compose` reads it: with its anchors, and its variables filled in."""

import re
from collections.abc import Mapping
from typing import Any

import yaml

from tests.servers import ROOT

FILE = ROOT / "deploy/compose.yaml"
_VARIABLE = re.compile(r"\$\{(?P<name>\w+)(?:(?P<how>:-|:\?)(?P<rest>[^}]*))?\}")


class Refused(Exception):  # noqa: N818  # it is the answer
    """A required variable is not set; carries the file's message for this case."""


def interpolated(variables: Mapping[str, str]) -> Any:
    """The whole file. https://docs.docker.com/reference/compose-file/interpolation/"""

    def value(found: re.Match[str]) -> str:
        given = variables.get(found["name"], "")
        if not given and found["how"] == ":?":
            raise Refused(found["rest"])
        return given or (found["rest"] if found["how"] == ":-" else "")

    return _filled(yaml.safe_load(FILE.read_text()), value)


def _filled(node: Any, value: Any) -> Any:
    """Filled in after parsing, as in compose: no value can break the file."""
    if isinstance(node, dict):
        return {key: _filled(item, value) for key, item in node.items()}
    if isinstance(node, list):
        return [_filled(item, value) for item in node]
    return _VARIABLE.sub(value, node) if isinstance(node, str) else node
