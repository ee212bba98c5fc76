"""An answer in the wire formats of chat completions: one class per dialect, bytes out, no I/O."""

import secrets
import time
from collections.abc import Iterator
from typing import Any

import msgspec

from sandbox.vendors.answers import Answer, StreamOptions, ToolCall

DONE = b"data: [DONE]\n\n"
# `type` in the vendor's error object, by status.
ERROR_TYPES = {400: "BadRequest", 401: "Unauthorized", 403: "Forbidden", 404: "NotFound", 429: "TooManyRequests"}

Payload = dict[str, Any]


class Chunks:
    """Writes one completion. Subclasses: `_chunks()`, the stream in their dialect; `_chunk()`, one piece of it."""

    def __init__(self, *, completion_id: str, model: str, options: StreamOptions | None = None) -> None:
        self._id = completion_id
        self._model = model
        self._options = options or StreamOptions()
        self._created = int(time.time())

    def frames(self, answer: Answer) -> list[bytes]:
        """The whole stream, one frame a chunk, `[DONE]` included."""
        return [*map(_framed, self._chunks(answer)), DONE]

    def completion(self, answer: Answer) -> bytes:
        """The body of an answer that is not streamed."""
        message: Payload = {"content": "".join(answer.content), "role": "assistant"}
        if answer.reasoning:
            message["reasoning_content"] = "".join(answer.reasoning)
        if answer.tool_call:
            message["tool_calls"] = [_opening(answer.tool_call, "".join(answer.tool_call.arguments))]
        choice = {"finish_reason": answer.finish_reason, "index": 0, "logprobs": None, "message": message}
        head = self._head("chat.completion")
        return msgspec.json.encode({"choices": [choice], **head, "usage": _whole_usage(answer)})

    def content_frame(self, text: str) -> bytes:
        return _framed(self._chunk({"content": text}))

    def finish_frame(self, reason: str) -> bytes:
        return _framed(self._chunk({}, reason))

    def error_frame(self, code: str | int, message: str, *, event: bool = False, inside_chunk: bool = False) -> bytes:
        error = error_body(code, message, 500)
        if inside_chunk:
            return _framed({**self._chunk({"content": ""}, "error"), **error})
        return (b"event: error\n" if event else b"") + _framed(error)

    def _head(self, kind: str) -> Payload:
        return {
            "created": self._created,
            "id": self._id,
            "model": self._model,
            "service_tier": "default",
            "object": kind,
        }

    def _chunks(self, answer: Answer) -> Iterator[Payload]:
        raise NotImplementedError

    def _chunk(self, delta: Payload, finish_reason: str | None = None, usage: Payload | None = None) -> Payload:
        raise NotImplementedError


class ArkChunks(Chunks):
    """Ark: the role on every chunk, no `finish_reason` key before the last one, `usage` always there."""

    def _chunks(self, answer: Answer) -> Iterator[Payload]:
        running = self._options.chunk_include_usage
        for delta, tokens, reasoning_tokens in _deltas(answer):
            yield self._chunk(delta, usage=_usage(answer, tokens, reasoning_tokens) if running else None)
        usage = _whole_usage(answer)
        yield self._chunk({"content": ""}, answer.finish_reason, usage if running else None)
        if self._options.include_usage:
            yield {"choices": [], **self._head("chat.completion.chunk"), "usage": usage}

    def _chunk(self, delta: Payload, finish_reason: str | None = None, usage: Payload | None = None) -> Payload:
        choice: Payload = {"delta": {**delta, "role": "assistant"}, "index": 0}
        if finish_reason:
            choice["finish_reason"] = finish_reason
        return {"choices": [choice], **self._head("chat.completion.chunk"), "usage": usage}


class OpenAIChunks(Chunks):
    """OpenAI: the role once, `finish_reason` null on every chunk, a `usage` key only if it was asked for."""

    def _chunks(self, answer: Answer) -> Iterator[Payload]:
        yield self._chunk({"role": "assistant", "content": "", "refusal": None})
        for delta, _, _ in _deltas(answer):
            yield self._chunk(delta)
        yield self._chunk({}, answer.finish_reason)
        if self._options.include_usage:
            yield {"choices": [], **self._head("chat.completion.chunk"), "usage": _whole_usage(answer)}

    def _chunk(self, delta: Payload, finish_reason: str | None = None, usage: Payload | None = None) -> Payload:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        head = {**self._head("chat.completion.chunk"), "system_fingerprint": "fp_sandbox", "choices": [choice]}
        return {**head, "usage": usage} if self._options.include_usage else head


def error_body(code: str | int, message: str, status: int, param: str = "") -> Payload:
    """An error as Ark words it, in a response or in a stream."""
    error_type = ERROR_TYPES.get(status, "InternalServerError")
    return {"error": {"code": code, "message": message, "param": param, "type": error_type}}


def ark_id() -> str:
    """A request id in Ark's form: 02, the time in milliseconds, random hex."""
    return f"02{time.time_ns() // 1_000_000}{secrets.token_hex(13)}"


def openai_id() -> str:
    return f"chatcmpl-{secrets.token_hex(14)}"


def _deltas(answer: Answer) -> Iterator[tuple[Payload, int, int]]:
    """Every delta with the completion and reasoning tokens up to it."""
    tokens = 0
    for piece in answer.reasoning:
        tokens += 1
        yield {"content": "", "reasoning_content": piece}, tokens, tokens
    for piece in answer.content:
        tokens += 1
        yield {"content": piece}, tokens, len(answer.reasoning)
    if answer.tool_call:
        yield {"content": "", "tool_calls": [_opening(answer.tool_call, "")]}, tokens, len(answer.reasoning)
        for fragment in answer.tool_call.arguments:
            tokens += 1
            call = {"function": {"arguments": fragment}, "index": 0}
            yield {"content": "", "tool_calls": [call]}, tokens, len(answer.reasoning)


def _opening(call: ToolCall, arguments: str) -> Payload:
    function = {"name": call.name, "arguments": arguments}
    return {"function": function, "id": call.id, "index": 0, "type": "function"}


def _whole_usage(answer: Answer) -> Payload:
    return _usage(answer, answer.completion_tokens, len(answer.reasoning))


def _usage(answer: Answer, completion_tokens: int, reasoning_tokens: int) -> Payload:
    return {
        "completion_tokens": completion_tokens,
        "prompt_tokens": answer.prompt_tokens,
        "total_tokens": answer.prompt_tokens + completion_tokens,
        "prompt_tokens_details": {"cached_tokens": answer.cached_tokens},
        "completion_tokens_details": {"reasoning_tokens": reasoning_tokens},
    }


def _framed(payload: Payload) -> bytes:
    return b"data: " + msgspec.json.encode(payload) + b"\n\n"
