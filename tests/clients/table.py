"""What every client is asked, and the table of docs/clients.md with what each of its cells claims."""

import json
from collections.abc import Mapping
from typing import Any

from sandbox.vendors.answers import TOKENS_PER_MESSAGE, pieces
from tests.clients.python.asked import Asked
from tests.servers import ROOT

COLUMNS = ["streams", "whole answers", "calls tools", "structured output", "sees errors", "counts tokens"]
TEXT = "河口，河流入海的地方。 Where the river meets the sea."
QUESTION = f"repeat: {TEXT}"
TOKENS = [TOKENS_PER_MESSAGE + len(pieces(QUESTION)), len(pieces(TEXT))]

_CUT = "doubao-cut"
MODELS = f"doubao=doubao-1-5-pro-32k-250115,{_CUT}={_CUT}"
# Answers pause, which brings heartbeats; one model's break off.
FAULTS: list[dict[str, Any]] = [
    {"on": "chat", "kind": "cut", "after_chunks": 5, "match": {"model": _CUT}},
    {"on": "chat", "kind": "stall", "after_chunks": 4, "delay_s": 0.3},
]

_PAGE = ROOT / "docs/clients.md"


def asked(url: str, key: str) -> Asked:
    """For a relay with `MODELS` before a sandbox with `FAULTS`."""
    return Asked(
        url=url,
        key=key,
        model="doubao",
        cut=_CUT,
        unknown="doubao-nobody-has",
        question=QUESTION,
        weather="What is the weather in Hangzhou?",
    )


def rows() -> dict[str, dict[str, str]]:
    """The cells of each client, by column. A cell's first word says whether it works; a limit may follow it."""
    lines = [line for line in _PAGE.read_text().splitlines() if line.startswith("|")]
    [head, _rule, *rows] = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert head == ["client", *COLUMNS]
    return {client.partition(" (")[0].strip("`"): dict(zip(COLUMNS, cells, strict=True)) for client, *cells in rows}


def claims(client: str) -> dict[str, str]:
    """The first words of a client's cells."""
    return {column: cell.split()[0].rstrip(",:") for column, cell in rows()[client].items()}


def shown(asked: Asked, seen: Mapping[str, Any]) -> dict[str, str]:
    """What a client's program showed, in the first words of cells; "–": the client does not do this."""
    return {
        "streams": _word(seen, _streamed, "streamed", "streamed_objects"),
        "whole answers": _word(seen, _whole, "whole", "whole_object"),
        "calls tools": _word(seen, _called, "tool"),
        "structured output": _word(seen, lambda city: city == {"name": city["name"], "rivers": 1}, "structured"),
        "sees errors": "yes" if _sees(seen, "refused", asked["unknown"]) and _sees(seen, "cut", "broke off") else "no",
        "counts tokens": _counted(seen),
    }


def _word(seen: Mapping[str, Any], is_right: Any, *names: str) -> str:
    given = [seen[name] for name in names if name in seen]
    return ("yes" if is_right(given[0]) else "no") if given else "–"


def _streamed(pieces: list[Any]) -> bool:
    if isinstance(pieces[0], str):
        return len(pieces) > 1 and "".join(pieces) == TEXT
    return len(pieces) > 2 and pieces[0]["name"] is None and pieces[-1]["rivers"] == 1


def _whole(answer: Any) -> bool:
    return bool(answer == TEXT or (isinstance(answer, dict) and answer["rivers"] == 1))


def _called(call: list[Any]) -> bool:
    name, arguments = call
    given = json.loads(arguments) if isinstance(arguments, str) else arguments
    return (name, given) == ("get_weather", {"city": "Hangzhou"}) or (name, set(given)) == ("City", {"name", "rivers"})


def _sees(seen: Mapping[str, Any], name: str, words: str) -> bool:
    return words in (seen.get(name) or {}).get("text", "")


def _counted(seen: Mapping[str, Any]) -> str:
    if "streamed_tokens" not in seen:
        return "partly" if seen.get("whole_tokens") else "–"
    return "yes" if seen["streamed_tokens"] == seen.get("whole_tokens") == TOKENS else "no"
