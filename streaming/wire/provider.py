"""The only module that knows a vendor's words: where a dialect differs, what a chunk holds, what an error means.

References: OpenAI https://platform.openai.com/docs/api-reference/chat, Ark https://www.volcengine.com/docs/82379/1494384
and https://www.volcengine.com/docs/82379/1299023 (error codes), as collected in 2026.
"""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from streaming.wire.faults import Fault, Retry

DONE = b"[DONE]"


# --- What a chunk holds -----------------------------------------------------------------------------------------------


# A field that is not there. The decoder gives this very object, so `is NULL` tells without a call.
NULL = msgspec.Raw(b"null")


class _PromptDetails(msgspec.Struct, gc=False):
    cached_tokens: int | None = None


class _CompletionDetails(msgspec.Struct, gc=False):
    reasoning_tokens: int | None = None


class Usage(msgspec.Struct, gc=False, omit_defaults=True):
    """Tokens of one completion, as the provider counts them."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0
    prompt_tokens_details: _PromptDetails | None = None
    completion_tokens_details: _CompletionDetails | None = None

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


class Choice(msgspec.Struct, gc=False):
    index: int = 0
    delta: Delta | None = None
    finish_reason: str | None = None


class Chunk(msgspec.Struct, gc=False):
    """The part of a chunk, or of a whole answer, that is looked at; all else passes unread."""

    choices: list[Choice] | None = None
    usage: Usage | None = None
    error: msgspec.Raw = NULL


chunk_decoder = msgspec.json.Decoder(Chunk)


def is_null(raw: msgspec.Raw) -> bool:
    return raw is NULL or bytes(raw) == b"null"


class _Parts(msgspec.Struct):
    choices: msgspec.Raw = NULL
    usage: msgspec.Raw = NULL
    error: msgspec.Raw = NULL


def readable_parts(payload: bytes) -> Chunk | None:
    """The chunk without the parts that have not the shape that they should have; None if it is no JSON object.

    A count of tokens that is a text, or null, is no reason to overlook the content, or an error, beside it.

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


def holds_error(body: bytes) -> bool:
    """Whether this is an error object, with or without the name of an event's field before it."""
    try:
        parts = readable_parts(body.removeprefix(b"data:"))
    except RecursionError:
        return False
    return parts is not None and not is_null(parts.error)


# --- Dialects ---------------------------------------------------------------------------------------------------------


class _Meaning(msgspec.Struct, frozen=True):
    """What an error of a vendor means for us."""

    status: int
    retry: Retry


_BAD_REQUEST = _Meaning(400, Retry.NEVER)
_OUR_KEY = _Meaning(502, Retry.NEXT_ROUTE)  # the client did nothing wrong, so never 401 or 403
_NO_SUCH_MODEL = _Meaning(404, Retry.NEXT_ROUTE)
_TOO_MANY = _Meaning(429, Retry.SAME_ROUTE)
_USED_UP = _Meaning(429, Retry.NEXT_ROUTE)
_OVERLOADED = _Meaning(503, Retry.SAME_ROUTE)
_TIMED_OUT = _Meaning(504, Retry.SAME_ROUTE)

_BY_STATUS = {
    400: _BAD_REQUEST,
    401: _OUR_KEY,
    402: _USED_UP,
    403: _OUR_KEY,
    404: _NO_SUCH_MODEL,
    408: _TIMED_OUT,
    409: _OVERLOADED,
    413: _Meaning(413, Retry.NEVER),
    422: _Meaning(422, Retry.NEVER),
    429: _TOO_MANY,
    504: _TIMED_OUT,
}

# A code counts with all that follows a dot in it, as in `RateLimitExceeded.EndpointRPMExceeded`.
_ARK_CODES = {
    "AuthenticationError": _OUR_KEY,
    "InvalidAccountStatus": _OUR_KEY,
    "InvalidSubscription": _OUR_KEY,
    "AccountOverdueError": _OUR_KEY,
    "AccessDenied": _OUR_KEY,
    "OperationDenied": _OUR_KEY,  # the service is not open, overdue, or not permitted to this account
    "InvalidEndpoint": _NO_SUCH_MODEL,  # with status 400 where it is closed: another route may well be open
    "InvalidEndpointOrModel": _NO_SUCH_MODEL,
    "ModelNotOpen": _NO_SUCH_MODEL,
    "UnsupportedModel": _NO_SUCH_MODEL,
    "MissingParameter": _BAD_REQUEST,
    "InvalidParameter": _BAD_REQUEST,
    "InvalidArgumentError": _BAD_REQUEST,
    "InvalidImageURL": _BAD_REQUEST,
    "SensitiveContentDetected": _BAD_REQUEST,
    "InputTextSensitiveContentDetected": _BAD_REQUEST,
    "InputImageSensitiveContentDetected": _BAD_REQUEST,
    "InputVideoSensitiveContentDetected": _BAD_REQUEST,
    "OutputTextSensitiveContentDetected": _BAD_REQUEST,
    "OutputImageSensitiveContentDetected": _BAD_REQUEST,
    "InputTextRiskDetection": _BAD_REQUEST,
    "InputImageRiskDetection": _BAD_REQUEST,
    "OutputTextRiskDetection": _BAD_REQUEST,
    "OutputImageRiskDetection": _BAD_REQUEST,
    "ContentSecurityDetectionError": _OVERLOADED,  # status 400, but it is the detection that failed
    "RateLimitExceeded": _TOO_MANY,
    "ModelAccountRpmRateLimitExceeded": _TOO_MANY,
    "ModelAccountTpmRateLimitExceeded": _TOO_MANY,
    "ModelAccountIpmRateLimitExceeded": _TOO_MANY,
    "APIAccountRpmRateLimitExceeded": _TOO_MANY,
    "AccountRateLimitExceeded": _TOO_MANY,
    "InflightBatchsizeExceeded": _TOO_MANY,
    "RequestBurstTooFast": _TOO_MANY,
    "ServerOverloaded": _OVERLOADED,
    "ModelLoadingError": _OVERLOADED,
    "QuotaExceeded": _USED_UP,
    "SetLimitExceeded": _USED_UP,
    "InternalServiceError": _OVERLOADED,
}

_OPENAI_CODES = {
    "invalid_api_key": _OUR_KEY,
    "account_deactivated": _OUR_KEY,
    "model_not_found": _NO_SUCH_MODEL,
    "context_length_exceeded": _BAD_REQUEST,
    "content_filter": _BAD_REQUEST,
    "content_policy_violation": _BAD_REQUEST,
    "rate_limit_exceeded": _TOO_MANY,
    "insufficient_quota": _USED_UP,
}

# Words for a whole class of errors. A status says more (DeepSeek's 401 has the code "invalid_request_error"), so they
# count only where there is none.
_CLASSES = {
    "invalid_request_error": _BAD_REQUEST,
    "authentication_error": _OUR_KEY,
    "permission_error": _OUR_KEY,
    "not_found_error": _NO_SUCH_MODEL,
    "rate_limit_error": _TOO_MANY,
    "server_error": _OVERLOADED,
    "overloaded_error": _OVERLOADED,
}


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """Where a vendor differs from the others."""

    stream_options: Mapping[str, bool]
    codes: Mapping[str, _Meaning]


DIALECTS = {
    "ark": Dialect(
        # chunk_include_usage: cumulative usage on every chunk, so that a stream that was left has exact usage too.
        stream_options={"include_usage": True, "chunk_include_usage": True},
        codes=_ARK_CODES,
    ),
    "openai": Dialect(stream_options={"include_usage": True}, codes=_OPENAI_CODES),
}


# --- Requests ---------------------------------------------------------------------------------------------------------


def chat_url(base_url: str) -> str:
    """`base_url` ends in the vendor's version: `/api/v3` (Ark), `/v1` (most others)."""
    return base_url.rstrip("/") + "/chat/completions"


def request_headers(*, api_key: str, completion_id: str) -> list[tuple[bytes, bytes]]:
    return [
        (b"authorization", b"Bearer " + api_key.encode()),
        (b"content-type", b"application/json"),
        (b"accept", b"text/event-stream, application/json"),
        (b"user-agent", b"rivermouth"),
        (b"x-client-request-id", completion_id.encode()),
    ]


def request_body(dialect: Dialect, fields: Mapping[str, msgspec.Raw], *, model: str, is_stream: bool) -> bytes:
    """The client's fields as they came, with the route's model and, for a stream, usage asked for."""
    sent: dict[str, object] = {**fields, "model": model, "stream": is_stream}
    if is_stream:
        asked = msgspec.json.decode(fields.get("stream_options", b"null")) or {}
        sent["stream_options"] = {**asked, **dialect.stream_options}
    return msgspec.json.encode(sent)


# --- Errors -----------------------------------------------------------------------------------------------------------

_OUR_TEXTS = {
    404: ("model_not_found", "The provider does not offer this model."),
    502: ("upstream_refused", "The provider refused our access."),
    503: ("upstream_unavailable", "The provider is overloaded or failing; try again."),
    504: ("upstream_timeout", "The provider took too long."),
}
_CODE = re.compile(r"[\w.:/-]{1,100}", re.ASCII)
_HIDDEN = "[hidden]"
_SECRET = re.compile(
    r"https?://\S+|\b(?:sk|ak|ark|rm)[-_][\w-]{8,}|Bearer\s+\S+|\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"
)


class _Error(msgspec.Struct):
    """An error object; vendors send numbers, texts or nothing in each field."""

    code: str | int | None = None
    message: str | None = None
    type: str | int | None = None
    param: str | None = None


class _ErrorFrame(msgspec.Struct):
    error: _Error | str | None = None
    code: str | int | None = None
    message: str | None = None


def fault_of_response(
    dialect: Dialect, *, status: int, body: bytes, retry_after: bytes | None = None, secrets: Iterable[str]
) -> Fault:
    """The fault of an answer whose status is not 200. `secrets` are texts of which none may reach a client."""
    return _fault(dialect, _error_in(body), status=status, retry_after_s=_seconds(retry_after), secrets=secrets)


def fault_of_payload(dialect: Dialect, payload: bytes, *, secrets: Iterable[str]) -> Fault:
    """The fault of an error that came with status 200: `{"error": {…}}` as a body, a frame, or inside a chunk."""
    return _fault(dialect, _error_in(payload), status=None, retry_after_s=None, secrets=secrets)


def _error_in(body: bytes) -> _Error:
    try:
        frame = msgspec.json.decode(body, type=_ErrorFrame, strict=False)
    except (ValueError, RecursionError):  # HTML of a proxy, or nothing
        return _Error(message=body[:500].decode(errors="replace"))
    if isinstance(frame.error, _Error):
        return frame.error
    return _Error(code=frame.code, message=frame.error or frame.message)


def _fault(
    dialect: Dialect, error: _Error, *, status: int | None, retry_after_s: float | None, secrets: Iterable[str]
) -> Fault:
    meaning = _meaning(dialect, error, status)
    code, message = _OUR_TEXTS.get(
        meaning.status,
        (_code_of(error), error.message or "The provider refused the request."),
    )
    return Fault(
        without_secrets(code, secrets),
        without_secrets(message, secrets),
        status=meaning.status,
        param=error.param and without_secrets(error.param, secrets),
        retry=meaning.retry,
        retry_after_s=retry_after_s,
        detail=without_secrets(f"{status or 200} {_code_of(error)}", secrets),
        quote=without_secrets(error.message or "", secrets),
    )


def _code_of(error: _Error) -> str:
    """The vendor's code, if it is one: a sentence in its place may quote the user."""
    word = str(error.code or error.type or "")
    return word if _CODE.fullmatch(word) else "upstream_error"


def _meaning(dialect: Dialect, error: _Error, status: int | None) -> _Meaning:
    known = dialect.codes if status is not None else {**_CLASSES, **dialect.codes}
    for word in (error.code, error.type):
        meaning = known.get(str(word).partition(".")[0])
        if meaning is not None:
            return meaning
    if status is None:  # in a 200: some vendors put the status into the code
        status = error.code if isinstance(error.code, int) else 500
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    return _Meaning(status, Retry.NEVER) if 400 <= status < 500 else _OVERLOADED


def without_secrets(text: str, secrets: Iterable[str]) -> str:
    """Keys, tokens, request ids and URLs blanked out: vendors quote them in their messages."""
    for secret in secrets:
        text = text.replace(secret, _HIDDEN)
    return _SECRET.sub(_HIDDEN, text)


def _seconds(header: bytes | None) -> float | None:
    try:
        seconds = float(header) if header else math.nan
    except ValueError:  # the date form; rare, and our own back-off serves as well
        return None
    return max(seconds, 0.0) if math.isfinite(seconds) else None
