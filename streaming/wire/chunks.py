"""What a chunk of a streamed answer holds, in the shape that OpenAI gave it.

It is the common tongue between dialects (how a provider is spoken to) and profiles (how a client is): a dialect whose
provider speaks otherwise translates into it.

Reference: https://platform.openai.com/docs/api-reference/chat/streaming
"""

from typing import TypeVar

import msgspec

# A member that is not there. The decoder gives this very object, so `is NULL` tells without a call.
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
    """`tool_calls` stays JSON: it is passed on, never read here."""

    content: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None  # OpenRouter's and Groq's word
    refusal: str | None = None
    tool_calls: msgspec.Raw = NULL

    @property
    def reasoning_text(self) -> str:
        return self.reasoning_content or self.reasoning or ""

    @property
    def has_content(self) -> bool:
        """Whether there is anything in it that a reader waits for."""
        return bool(self.content or self.reasoning_text or self.refusal or not is_null(self.tool_calls))


class Choice(msgspec.Struct, gc=False):
    index: int = 0
    delta: Delta | None = None
    finish_reason: str | None = None


class Chunk(msgspec.Struct, gc=False):
    """The part of a chunk, or of a whole answer, that is looked at; everything else passes unread."""

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

    A token count that is a text, or null, is no reason to overlook the content, or an error, beside it.

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
