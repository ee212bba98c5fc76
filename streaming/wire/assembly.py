"""A whole answer made of a stream, and a stream made of a whole answer, both in OpenAI's shape.

Some gateways answer `stream: true` with one JSON object, or `stream: false` with events; their clients get what they
asked for all the same. Members that we know nothing of go along.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from streaming.wire.chunks import NULL, Usage, is_null, is_object

Members = dict[str, msgspec.Raw]

# Texts that are said once, though some vendors repeat them on every chunk; all others are pieces to be joined.
_SAID_ONCE = frozenset({"id", "index", "name", "role", "type", "format"})


def chunks_of(answer: bytes, *, finish_reason: str = "") -> Iterator[bytes]:
    """The payloads of a stream with this answer: the content and the end of each choice, then the usage.

    `finish_reason` is for a choice that tells none; without it, such a choice does not end. Raises: ValueError.
    """
    members = msgspec.json.decode(answer, type=Members)
    choices = msgspec.json.decode(members.pop("choices"), type=list[Members])
    usage = members.pop("usage", NULL)
    head = {**members, "object": "chat.completion.chunk"}
    for number, choice in enumerate(choices):
        end = choice.pop("finish_reason", NULL)
        rest = {"index": choice.pop("index", number), "delta": _delta_of(choice), **choice, "finish_reason": None}
        yield msgspec.json.encode({**head, "choices": [rest]})
        reason = finish_reason if is_null(end) else end
        if reason:
            last = {"index": rest["index"], "delta": {}, "finish_reason": reason}
            yield msgspec.json.encode({**head, "choices": [last]})
    if is_object(usage):
        yield msgspec.json.encode({**head, "choices": [], "usage": usage})


def lacks_deltas(payload: bytes, *, is_first: bool) -> bool:
    """Whether a chunk has `text` where its delta belongs, or, before any other content, a `message`.

    MiniMax repeats the whole answer as a `message` at the end of its stream.
    """
    try:
        choices = msgspec.json.decode(payload, type=dict[str, Any]).get("choices")
    except ValueError:
        return False
    members = [choice for choice in choices or () if isinstance(choice, dict) and not choice.get("delta")]
    return any("text" in choice or (is_first and choice.get("message")) for choice in members)


def _delta_of(choice: Members) -> dict[str, Any]:
    """The content of a choice, which loses it. Raises: ValueError."""
    message, text, delta = (choice.pop(name, NULL) for name in ("message", "text", "delta"))
    if is_object(message) or is_object(delta):
        said: dict[str, Any] = msgspec.json.decode(message if is_object(message) else delta, type=Members)
    else:
        said = {"role": "assistant", "content": text}
    if not is_null(said.get("tool_calls", NULL)):
        calls = msgspec.json.decode(said["tool_calls"], type=list[Members])
        said["tool_calls"] = [{"index": number, **call} for number, call in enumerate(calls)]
    return said


def whole(payloads: Iterable[bytes], usage: Usage | None) -> bytes:
    """The body of the answer that was streamed in these payloads. Raises: ValueError."""
    answer: dict[str, Any] = {}
    choices: dict[int, dict[str, Any]] = {}
    for payload in payloads:
        chunk = msgspec.json.decode(payload, type=dict[str, Any])
        chunk.pop("usage", None)
        for choice in chunk.pop("choices", None) or ():
            _add(choices.setdefault(choice.get("index") or 0, _silent()), choice)
        for name, value in chunk.items():
            answer.setdefault(name, value)
    made = [{"index": index, **choice} for index, choice in sorted(choices.items())]
    counted = {} if usage is None else {"usage": usage.as_openai()}
    return msgspec.json.encode({**answer, "object": "chat.completion", "choices": made, **counted})


def _silent() -> dict[str, Any]:
    return {"message": {"role": "assistant", "content": None}, "finish_reason": None}


def _add(choice: dict[str, Any], chunk: dict[str, Any]) -> None:
    """Add a chunk's choice to what has been said in it."""
    said = chunk.pop("delta", None) or {}
    choice["finish_reason"] = chunk.pop("finish_reason", None) or choice["finish_reason"]
    chunk.pop("index", None)
    chunk.pop("message", None)  # MiniMax repeats the whole answer at its end
    _join(choice["message"], said)
    _join(choice, chunk)


def _join(said: dict[str, Any], more: dict[str, Any]) -> None:
    for name, value in more.items():
        before = said.get(name)
        if isinstance(value, list):
            said[name] = _joined(before if isinstance(before, list) else [], value)
        elif isinstance(value, dict) and isinstance(before, dict):
            _join(before, value)
        elif isinstance(value, str) and isinstance(before, str):
            said[name] = (before or value) if name in _SAID_ONCE else before + value
        elif value is not None or name not in said:
            said[name] = value


def _joined(parts: list[Any], more: list[Any]) -> list[Any]:
    """Parts with the same index are pieces of one, such as the calls of tools."""
    for part in more:
        index = part.get("index") if isinstance(part, dict) else None
        same = next((each for each in parts if index is not None and each.get("index") == index), None)
        if same is None:
            parts.append(part)
        else:
            _join(same, part)
    return parts
