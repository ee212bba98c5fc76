"""A fake Ark: `/api/v3/chat/completions` in its own dialect, `/v1/chat/completions` in plain OpenAI's.

Reference: https://www.volcengine.com/docs/82379/1494384 (chat), https://www.volcengine.com/docs/82379/1299023 (errors)
"""

import asyncio
import re
import time
from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import Raw

from sandbox.vendors.answers import ChatRequest, compose
from sandbox.vendors.chunks import ArkChunks, Chunks, OpenAIChunks, ark_id, error_body, openai_id
from sandbox.vendors.exchange import JSON, Exchange, Headers
from sandbox.vendors.faults import Bend, Fault, FaultBook, Hang, Huge, Instead, Pause, Step, kind_of
from sandbox.vendors.ledger import Chat, Ledger, recorded_headers

ARK_PATH = "/api/v3/chat/completions"
EVENT_STREAM = b"text/event-stream; charset=utf-8"
MODEL_PREFIXES = ("doubao", "deepseek", "ep-", "qwen", "gpt")
BAD_KEY_PREFIX = "bad"
INTERNAL_ERROR = ("InternalServiceError", "The service encountered an unexpected internal error.")
USUAL_ERRORS = {
    400: ("InvalidParameter", "A parameter specified in the request is not valid."),
    401: ("AuthenticationError", "The API key or AK/SK in the request is missing or invalid."),
    403: ("AccessDenied", "The specified endpoint does not allow access from your account."),
    404: ("InvalidEndpointOrModel.NotFound", "The model or endpoint does not exist or you do not have access to it."),
    429: ("RateLimitExceeded.EndpointRPMExceeded", "The request rate has exceeded the limit of this endpoint."),
}
FIELD_IN_PARSE_ERROR = re.compile(r"`\$\.?([^`]*)`")


class ChatRequestError(Exception):
    """The vendor refuses the request with this status and code."""

    def __init__(self, status: int, code: str, message: str, param: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.param = param


_decoder = msgspec.json.Decoder(ChatRequest)


class Ark:
    def __init__(self, ledger: Ledger, faults: FaultBook, tokens_per_s: float) -> None:
        self._ledger = ledger
        self._faults = faults
        self.tokens_per_s = tokens_per_s

    def error(self, status: int, code: str | int | None, message: str | None) -> dict[str, Any]:
        usual_code, usual_message = USUAL_ERRORS.get(status, INTERNAL_ERROR)
        return error_body(code or usual_code, message or usual_message, status)

    async def complete(self, exchange: Exchange) -> None:
        body = await exchange.body()
        try:
            _authorise(exchange)
            request = _parse(body)
        except ChatRequestError as err:
            self._ledger.record_refusal("chat", err.code, exchange, body)
            refusal = error_body(err.code, str(err), err.status, err.param)
            await exchange.answer_json(refusal, err.status, _request_id_header(exchange))
            return
        fault = self._faults.take("chat", stream=bool(request.stream), model=request.model)
        chat = self._record(exchange, request, fault, body)
        if isinstance(fault, Instead):
            await fault.answer(exchange, self)
            chat.disconnected = isinstance(fault, Hang)
        else:
            await self._answer(exchange, request, fault, chat)
        chat.ended_at = time.time()

    def _record(self, exchange: Exchange, request: ChatRequest, fault: Fault | None, body: bytes) -> Chat:
        chat = Chat(
            received_at=time.time(),
            path=exchange.path,
            model=request.model,
            stream=bool(request.stream),
            headers=recorded_headers(exchange),
            body=Raw(body),
            fault=kind_of(fault) if fault else None,
        )
        self._ledger.chats.append(chat)
        return chat

    async def _answer(self, exchange: Exchange, request: ChatRequest, fault: Fault | None, chat: Chat) -> None:
        answer = compose(request, filler="x" * fault.bytes if isinstance(fault, Huge) else "")
        chunks = _chunks(exchange, request)
        frames = chunks.frames(answer) if request.stream else [chunks.completion(answer)]
        bend = fault if isinstance(fault, Bend) else Bend(on="chat")
        # A plain answer is sent when all of it is ready.
        wait_s = 0.0 if request.stream else answer.completion_tokens * self._token_s
        playing = self._play(exchange, chat, wait_s, bend, bend.steps(frames, chunks))
        chat.disconnected = await exchange.until_left(playing)
        chat.completed = chat.chunks_sent == len(frames) and not chat.disconnected
        if bend.closes:
            await exchange.close()

    async def _play(self, exchange: Exchange, chat: Chat, wait_s: float, bend: Bend, steps: Iterator[Step]) -> None:
        await asyncio.sleep(wait_s)
        content_type = EVENT_STREAM if chat.stream else JSON
        await exchange.start(200, content_type, [*bend.headers, *_request_id_header(exchange)])
        due_s = time.monotonic()
        for step in steps:
            if isinstance(step, bytes):
                await exchange.write(step)
            elif isinstance(step, Pause):
                # "Forever" lasts until `until_left()` cancels us: if this also waited for the client, both would wake.
                await (asyncio.Event().wait() if step.delay_s is None else asyncio.sleep(step.delay_s))
                due_s = time.monotonic()
            else:
                # Due times are absolute, so that the pace does not drift; even a sleep of 0 lets others run.
                due_s += self._token_s
                await asyncio.sleep(max(0.0, due_s - time.monotonic()))
                chat.chunks_sent += 1
        if not bend.closes:
            await exchange.end()

    @property
    def _token_s(self) -> float:
        return 1 / self.tokens_per_s if self.tokens_per_s else 0.0


def _chunks(exchange: Exchange, request: ChatRequest) -> Chunks:
    if exchange.path == ARK_PATH:
        return ArkChunks(completion_id=ark_id(), model=request.model, options=request.stream_options)
    return OpenAIChunks(completion_id=openai_id(), model=request.model, options=request.stream_options)


def _request_id_header(exchange: Exchange) -> Headers:
    """Ark answers with the caller's own request id, or makes one."""
    return [(b"x-request-id", (exchange.header(b"x-client-request-id") or ark_id()).encode("latin-1"))]


def _authorise(exchange: Exchange) -> None:
    scheme, _, key = exchange.header(b"authorization").partition(" ")
    if scheme.lower() != "bearer" or not key or key.startswith(BAD_KEY_PREFIX):
        raise ChatRequestError(401, *USUAL_ERRORS[401])


def _parse(body: bytes) -> ChatRequest:
    try:
        # As text, so that bytes which are not UTF-8 are refused in every field: the ledger repeats the body.
        request = _decoder.decode(body.decode())
    except msgspec.ValidationError as err:
        place = FIELD_IN_PARSE_ERROR.search(str(err))
        raise ChatRequestError(400, "InvalidParameter", str(err), place[1] if place else "") from err
    except (msgspec.DecodeError, UnicodeDecodeError) as err:
        raise ChatRequestError(400, "InvalidParameter", f"The request body is not JSON: {err}") from err
    for param in ("model", "messages"):
        if not getattr(request, param):
            raise ChatRequestError(400, "MissingParameter", f"The request is missing `{param}` parameter.", param)
    if not all(message.role for message in request.messages):
        raise ChatRequestError(
            400, "MissingParameter", "The request is missing `messages.role` parameter.", "messages.role"
        )
    for param in ("max_tokens", "max_completion_tokens"):
        if (limit := getattr(request, param)) is not None and (limit % 1 or limit == 0):
            raise ChatRequestError(400, "InvalidParameter", f"`{param}` must be a whole number of at least 1.", param)
    if request.max_tokens is not None and request.max_completion_tokens is not None:
        text = "`max_tokens` and `max_completion_tokens` must not be set at the same time."
        raise ChatRequestError(400, "InvalidParameter", text, "max_tokens")
    if not request.model.startswith(MODEL_PREFIXES):
        text = f"The model or endpoint {request.model} does not exist or you do not have access to it."
        raise ChatRequestError(404, "InvalidEndpointOrModel.NotFound", text, "model")
    return request
