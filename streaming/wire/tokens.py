"""Token counts, wherever and however a provider writes them.

Counts only grow in the course of a stream, so the greatest of several is the newest: a closing chunk of zeros, or one
that repeats only some of the counts, takes nothing back.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from streaming.wire.chunks import CompletionDetails, PromptDetails, Usage

# Where counts stand, best known first: OpenAI's names, then those of the Responses API, then single vendors'.
_PROMPT = ("prompt_tokens", "input_tokens")
_COMPLETION = ("completion_tokens", "output_tokens")
_PROMPT_DETAILS = ("prompt_tokens_details", "input_tokens_details")
_COMPLETION_DETAILS = ("completion_tokens_details", "output_tokens_details")
_CACHED = ("cached_tokens", "prompt_cache_hit_tokens")  # Moonshot and DeepSeek have theirs beside the counts
_REASONING = ("reasoning_tokens",)


class _Common(msgspec.Struct, gc=False):
    """How most vendors write it: reading these alone takes a tenth of the time. The last ones are for `of`."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int = 0
    prompt_tokens_details: PromptDetails | None = None
    completion_tokens_details: CompletionDetails | None = None
    cached_tokens: int | None = None
    prompt_cache_hit_tokens: int | None = None
    reasoning_tokens: int | None = None


_decode_common = msgspec.json.Decoder(_Common).decode


def read(raw: msgspec.Raw | bytes) -> Usage | None:
    """The counts in the JSON of a `usage`; None if it holds none."""
    try:
        found = _decode_common(raw)
    except (ValueError, RecursionError):
        return _read_odd(raw)
    is_common = found.cached_tokens is found.prompt_cache_hit_tokens is found.reasoning_tokens is None
    if not is_common:
        return _read_odd(raw)
    prompt, completion = found.prompt_tokens_details, found.completion_tokens_details
    return Usage(found.prompt_tokens, found.completion_tokens, found.total_tokens, prompt, completion)


def _read_odd(raw: msgspec.Raw | bytes) -> Usage | None:
    try:
        return of(msgspec.json.decode(raw))
    except (ValueError, RecursionError):
        return None


def of(counts: object) -> Usage | None:
    """The counts in a decoded `usage`; None if it holds none, or one that is not a number."""
    if not isinstance(counts, dict) or counts.keys().isdisjoint((*_PROMPT, *_COMPLETION)):
        return None
    try:
        prompt, completion = _count(counts, _PROMPT), _count(counts, _COMPLETION)
    except ValueError:
        return None
    cached = _detail(counts, _PROMPT_DETAILS, _CACHED)
    reasoning = _detail(counts, _COMPLETION_DETAILS, _REASONING)
    return Usage(
        prompt_tokens=prompt,
        completion_tokens=completion,
        total_tokens=_first(counts, ("total_tokens",)) or 0,
        prompt_tokens_details=None if cached is None else PromptDetails(cached),
        completion_tokens_details=None if reasoning is None else CompletionDetails(reasoning),
    )


def merged(before: Usage | None, now: Usage | None) -> Usage | None:
    """The counts of two reports on one answer."""
    if before is None or now is None:
        return before or now
    if before == now:
        return now
    prompt = max(before.prompt_tokens, now.prompt_tokens)
    completion = max(before.completion_tokens, now.completion_tokens)
    cached = max(before.cached_tokens, now.cached_tokens)
    reasoning = max(before.reasoning_tokens, now.reasoning_tokens)
    return Usage(
        prompt_tokens=prompt,
        completion_tokens=completion,
        total_tokens=max(before.total_tokens, now.total_tokens, prompt + completion),
        prompt_tokens_details=PromptDetails(cached) if cached or now.prompt_tokens_details else None,
        completion_tokens_details=CompletionDetails(reasoning) if reasoning or now.completion_tokens_details else None,
    )


def in_odd_places(payload: bytes) -> Usage | None:
    """The counts in a chunk, or whole answer, that has no `usage` where it belongs.

    Known are `choices[].usage` (Moonshot), `choices[].delta.usage`, `choices[].message.usage` and `x_groq.usage`.
    """
    if b'"usage"' not in payload:
        return None
    try:
        found = msgspec.json.decode(payload)
    except (ValueError, RecursionError):
        return None
    usage = None
    for place in _places(found):
        usage = merged(usage, of(place.get("usage")))
    return usage


def _places(payload: object) -> Iterator[dict[str, Any]]:
    if not isinstance(payload, dict):
        return
    choices = payload.get("choices")
    choices = [choice for choice in choices if isinstance(choice, dict)] if isinstance(choices, list) else []
    yield from choices
    for holder in (payload, *choices):
        yield from (member for member in holder.values() if isinstance(member, dict))


def _count(counts: Mapping[str, Any], names: tuple[str, ...]) -> int:
    """0 for a count that is missing. Raises: ValueError for one that is there and not a number."""
    if (count := _first(counts, names)) is not None:
        return count
    if counts.keys().isdisjoint(names):
        return 0
    raise ValueError(f"{names[0]} is not a number")


def _detail(counts: Mapping[str, Any], holders: tuple[str, ...], names: tuple[str, ...]) -> int | None:
    for holder in holders:
        details = counts.get(holder)
        if isinstance(details, dict) and (count := _first(details, names)) is not None:
            return count
    return _first(counts, names)


def _first(members: Mapping[str, Any], names: tuple[str, ...]) -> int | None:
    """The first of these members that is a number, or a text of one."""
    for name in names:
        try:
            return msgspec.convert(members.get(name), int, strict=False)
        except ValueError:
            continue
    return None
