"""The content of one chunk of a streamed answer, in OpenAI's shape.

This shape is the common language of dialects (towards providers) and profiles (towards clients): a dialect whose
provider uses another shape translates into it.

Reference: https://platform.openai.com/docs/api-reference/chat/streaming
"""

from typing import TypeVar

import msgspec

# A missing member. The decoder uses this very object, so `is NULL` recognises it without a call.
NULL = msgspec.Raw(b"null")


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


class Delta(msgspec.Struct, gc=False):
    """`tool_calls` stays undecoded JSON: it is passed on, never read here."""

    content: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None  # the name at OpenRouter and Groq
    refusal: str | None = None
    tool_calls: msgspec.Raw = NULL

    @property
    def reasoning_text(self) -> str:
        return self.reasoning_content or self.reasoning or ""

    @property
    def has_content(self) -> bool:
        """Whether it holds anything that a reader is waiting for."""
        return bool(self.content or self.reasoning_text or self.refusal or not is_null(self.tool_calls))


class Choice(msgspec.Struct, gc=False):
    index: int = 0
    delta: Delta | None = None
    finish_reason: str | None = None


class Chunk(msgspec.Struct, gc=False):
    """The members of a chunk, or of a whole answer, that we look at; everything else passes unread."""

    choices: list[Choice] | None = None
    usage: Usage | None = None
    error: msgspec.Raw = NULL


decode = msgspec.json.Decoder(Chunk).decode


def is_null(raw: msgspec.Raw) -> bool:
    return raw is NULL or bytes(raw) == b"null"


class _Parts(msgspec.Struct):
    choices: msgspec.Raw = NULL
    usage: msgspec.Raw = NULL
    error: msgspec.Raw = NULL


def readable_parts(payload: bytes) -> Chunk | None:
    """The chunk, minus members of the wrong type; None if it is not a JSON object.

    A token count that is a text or null is not a reason to ignore the content, or an error, next to it.

    Raises: RecursionError.
    """
    try:
        parts = msgspec.json.decode(payload, type=_Parts)
    except ValueError:
        return None
    return Chunk(choices=_part(parts.choices, list[Choice]), usage=_part(parts.usage, Usage), error=parts.error)


T = TypeVar("T")


def _part(raw: msgspec.Raw, kind: type[T]) -> T | None:
    try:
        return msgspec.json.decode(raw, type=kind, strict=False)
    except ValueError:
        return None
