"""The content of one chunk of a streamed answer, in OpenAI's shape.

This shape is the common language of dialects (towards providers) and profiles (towards clients): a dialect whose
provider uses another shape translates into it.

*Content* is any member of a delta but `role` that says something: whatever is not null, "", [], {} or false.

Reference: https://platform.openai.com/docs/api-reference/chat/streaming
"""

from collections.abc import Iterator
from typing import Any, TypeVar

import msgspec

# A missing member. The decoder uses this very object, so `is NULL` recognises it without a call.
NULL = msgspec.Raw(b"null")
NULL_BYTES = len(NULL)  # also written out: most vendors have `"usage":null` on chunks before the last


class PromptDetails(msgspec.Struct, gc=False):
    cached_tokens: int | None = None


class CompletionDetails(msgspec.Struct, gc=False):
    reasoning_tokens: int | None = None


class Usage(msgspec.Struct, gc=False, omit_defaults=True):
    """Tokens of one completion, as the provider counts them."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0
    prompt_tokens_details: PromptDetails | None = None
    completion_tokens_details: CompletionDetails | None = None

    @property
    def cached_tokens(self) -> int:
        return (self.prompt_tokens_details and self.prompt_tokens_details.cached_tokens) or 0

    @property
    def reasoning_tokens(self) -> int:
        return (self.completion_tokens_details and self.completion_tokens_details.reasoning_tokens) or 0

    def as_openai(self) -> dict[str, Any]:
        """With the three counts that clients of OpenAI rely on, even those that are 0."""
        counts = {"prompt_tokens": self.prompt_tokens, "completion_tokens": self.completion_tokens}
        total = self.total_tokens or self.prompt_tokens + self.completion_tokens
        return {**msgspec.to_builtins(self), **counts, "total_tokens": total}


class Delta(msgspec.Struct, gc=False):
    """The members that some client format has an event for. Those of type Raw stay undecoded JSON.

    `content` is a list of parts at Mistral and behind some gateways. Reasoning has many names: `reasoning_content`
    (DeepSeek, Ark, Qwen and most others), `reasoning` (OpenRouter, Groq, vLLM, Ollama), `reasoning_text` (Copilot),
    `thinking`, and `reasoning_details` (MiniMax; OpenRouter beside `reasoning`).
    """

    content: str | list[Any] | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    reasoning_text: str | None = None
    thinking: str | None = None
    reasoning_details: msgspec.Raw = NULL
    refusal: str | None = None
    tool_calls: msgspec.Raw = NULL
    function_call: msgspec.Raw = NULL  # what `tool_calls` were called in 2023

    @property
    def text(self) -> str:
        """What is to be shown as the answer; a refusal is one."""
        content = self.content
        if content.__class__ is list:
            content = "".join(_texts_of(content, "text", "output_text"))
        return content or self.refusal or ""  # type: ignore[return-value]  # mypy doesn't narrow by `__class__`

    @property
    def thoughts(self) -> str:
        """What is to be shown as the reasoning before the answer, whatever its name is."""
        thoughts = self.reasoning_content or self.reasoning or self.reasoning_text or self.thinking or ""
        if not thoughts and self.reasoning_details is not NULL:
            thoughts = "".join(_texts_of(_decoded(self.reasoning_details)))
        if not thoughts and self.content.__class__ is list:
            thoughts = "".join(_texts_of(self.content, "thinking", "reasoning"))
        return thoughts

    @property
    def has_content(self) -> bool:
        """Whether any of these members says something."""
        return bool(
            self.content
            or self.thoughts
            or self.refusal
            or not says_nothing(self.reasoning_details)
            or not says_nothing(self.tool_calls)
            or not says_nothing(self.function_call)
        )


class Choice(msgspec.Struct, gc=False):
    index: int = 0
    delta: Delta | None = None
    finish_reason: str | None = None
    usage: msgspec.Raw = NULL  # Moonshot's place for it


class Chunk(msgspec.Struct, gc=False):
    """The members of a chunk, or of a whole answer, that we look at; everything else passes unread.

    `usage` stays undecoded, since only the last one of a stream counts (see `tokens.py`).
    """

    choices: list[Choice] | None = None
    usage: msgspec.Raw = NULL
    error: msgspec.Raw = NULL


decode = msgspec.json.Decoder(Chunk).decode


def is_null(raw: msgspec.Raw) -> bool:
    return raw is NULL or bytes(raw) == b"null"


def is_object(raw: msgspec.Raw) -> bool:
    """Whether there is a JSON object in it; `{  }` doesn't count."""
    return len(raw) != NULL_BYTES and bytes(raw).startswith(b"{")


def says_nothing(raw: msgspec.Raw) -> bool:
    return raw is NULL or _is_nothing(_decoded(raw))


def holds_content(payload: bytes) -> bool:
    """Whether a chunk has content, in whatever member: of a delta, or of a `message` or `text` in its place."""
    try:
        chunk = msgspec.json.decode(payload)
    except (ValueError, RecursionError):
        return False
    choices = chunk.get("choices") if isinstance(chunk, dict) else None
    return isinstance(choices, list) and any(_has_content(each) for each in choices)


def _has_content(choice: object) -> bool:
    if not isinstance(choice, dict):
        return False
    members: list[tuple[str, object]] = [("text", choice.get("text"))]
    for holder in (choice.get("delta"), choice.get("message")):
        members += holder.items() if isinstance(holder, dict) else ()
    return any(name != "role" and not _is_nothing(value) for name, value in members)


def _is_nothing(value: object) -> bool:
    return value is False or value in (None, "", [], {})


def _decoded(raw: msgspec.Raw) -> object:
    """Raises: ValueError."""
    return msgspec.json.decode(raw)


def _texts_of(parts: object, *types: str) -> Iterator[str]:
    """The texts in parts such as `{"type": "text", "text": "…"}`; without types: in parts of all types.

    A part's text may be a list of parts itself (Mistral's `{"type": "thinking", "thinking": [{"type": "text", …}]}`).
    """
    for part in parts if isinstance(parts, list) else ():
        if isinstance(part, str) and (not types or "text" in types):
            yield part
        elif isinstance(part, dict) and (not types or part.get("type") in types):
            told = next((part[name] for name in ("text", "thinking", "summary") if part.get(name)), "")
            yield from (told,) if isinstance(told, str) else _texts_of(told)


def readable_parts(payload: bytes) -> Chunk | None:
    """The chunk, minus members of the wrong type; None if it is not a JSON object.

    An index that is a text, or a reasoning that is an object, is no reason to ignore the content, or an error, next to
    it.

    Raises: RecursionError.
    """
    try:
        parts = msgspec.json.decode(payload, type=dict[str, msgspec.Raw])
    except ValueError:
        return None
    chunk = _readable(Chunk, {**parts, "choices": NULL})
    chunk.choices = _readable_choices(parts.get("choices", NULL))
    return chunk


def _readable_choices(raw: msgspec.Raw) -> list[Choice] | None:
    try:
        found = msgspec.json.decode(raw, type=list[dict[str, msgspec.Raw]])
    except ValueError:
        return None
    choices = []
    for members in found:
        choice = _readable(Choice, {**members, "delta": NULL})
        if is_object(delta := members.get("delta", NULL)):
            choice.delta = _readable(Delta, msgspec.json.decode(delta, type=dict[str, msgspec.Raw]))
        choices.append(choice)
    return choices


T = TypeVar("T", bound=msgspec.Struct)


def _readable(kind: type[T], members: dict[str, msgspec.Raw]) -> T:
    """Raises: RecursionError."""
    made = kind()
    for field in msgspec.structs.fields(kind):
        raw = members.get(field.name, NULL)
        try:
            if raw is not NULL:
                setattr(made, field.name, msgspec.json.decode(raw, type=field.type, strict=False))
        except ValueError:
            continue
    return made
