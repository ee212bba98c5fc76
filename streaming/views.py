"""The chat endpoints. Every error is answered here, in OpenAI's shape, since no middleware runs above these views."""

import logging
from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import partial, wraps
from uuid import UUID

import msgspec
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt

from foundation.parsing import bodies
from foundation.parsing.bodies import UnreadableBody
from foundation.serving.driven import DrivenResponse, Source
from streaming.admission import callers
from streaming.admission.callers import Caller, admit
from streaming.catalogue.catalogue import ServedModel
from streaming.models import Completion
from streaming.resuming import lookup, stops
from streaming.resuming.readers import Reader
from streaming.resuming.resumable import ResumableRelay
from streaming.turns import beginning
from streaming.turns.relay import Relay
from streaming.turns.whole_answer import WholeAnswer
from streaming.wire import faults
from streaming.wire.faults import Fault
from streaming.wire.profiles import app, openai

logger = logging.getLogger(__name__)

# Tell proxies not to buffer or recompress a stream; a GZipMiddleware would make each chunk a separate gzip member.
_STREAM_HEADERS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-cache, no-transform",
    "X-Accel-Buffering": "no",
    "Content-Encoding": "identity",
}

AsyncView = Callable[..., Coroutine[object, object, HttpResponseBase]]


def _answers_faults(*methods: str) -> Callable[[AsyncView], AsyncView]:
    """Serve these methods, and turn every failure into an answer. The server sends no body to HEAD."""
    return partial(_answering, methods)


def _answering(methods: Sequence[str], view: AsyncView) -> AsyncView:
    @csrf_exempt
    @wraps(view)
    async def answering(request: HttpRequest, **path: object) -> HttpResponseBase:
        if request.method == "OPTIONS":
            return HttpResponse(status=204, headers={"Allow": ", ".join([*methods, "OPTIONS"])})
        if request.method not in methods:
            return _error_response(faults.wrong_method(methods))
        try:
            return await view(request, **path)
        except Fault as fault:
            return _error_response(fault)
        except (OperationalError, InterfaceError):
            logger.warning("The database failed a chat request", exc_info=True)
            return _error_response(faults.database_unavailable())
        except Exception:
            logger.exception("A turn failed before its first byte")
            return _error_response(faults.internal())

    return answering


@_answers_faults("POST")
async def chat_completions(request: HttpRequest) -> HttpResponseBase:
    """`POST /v1/chat/completions`: OpenAI's wire format, streamed or not."""
    caller = await callers.identify(request)
    return _answer(await beginning.begin(caller, await _body(request, caller), openai.FORMAT, Relay))


@_answers_faults("POST")
async def chat(request: HttpRequest) -> HttpResponseBase:
    """`POST /api/chat/`: the app profile, always streamed."""
    caller = await callers.identify(request)
    return _answer(await beginning.begin(caller, await _body(request, caller), app.FORMAT, ResumableRelay))


async def _body(request: HttpRequest, caller: Caller) -> bytes:
    """Read after the caller is known: nobody else makes us decompress. Raises: Fault 400, 413, 415, 429."""
    try:
        return bodies.read(request)
    except UnreadableBody as err:
        await callers.count(caller)  # otherwise the turn is counted
        code = {413: "body_too_large", 415: "unsupported_media_type"}.get(err.status, "invalid_request")
        headers = {"Accept-Encoding": bodies.READABLE_CODINGS} if err.status == 415 else None
        raise Fault(code, err.message, status=err.status, param=err.header, headers=headers) from err


def _answer(turn: Relay | WholeAnswer) -> HttpResponseBase:
    if isinstance(turn, WholeAnswer):
        return HttpResponse(turn.body, content_type="application/json", headers=turn.headers)
    return _stream(turn, turn.headers)


@_answers_faults("GET", "HEAD")
async def chat_state(request: HttpRequest, completion_id: UUID) -> HttpResponseBase:
    """`GET /api/chat/{id}/`: the state, the usage, and the text so far while it is kept."""
    caller = await admit(request)
    completion = await lookup.find_row(completion_id, caller.credential)
    log = await lookup.read_log(completion_id)
    if log is not None and log.is_ended:
        completion = await lookup.find_ended_row(completion_id, caller.credential)
    return _state(completion, log)


@_answers_faults("GET")
async def chat_stream(request: HttpRequest, completion_id: UUID) -> HttpResponseBase:
    """`GET /api/chat/{id}/stream/`: the events after `Last-Event-ID`, then live."""
    caller = await admit(request)
    after = app.parse_last_event_id(request.headers.get("Last-Event-ID") or request.GET.get("last_event_id") or "0")
    if not await lookup.find_log(completion_id, caller.credential, after=after):
        return HttpResponse(status=204)  # nothing will follow; to an EventSource, 204 means "do not reconnect"
    return _stream(Reader(completion_id, after=after), {"X-Request-Id": str(completion_id)})


@_answers_faults("POST")
async def chat_stop(request: HttpRequest, completion_id: UUID) -> HttpResponseBase:
    """`POST /api/chat/{id}/stop/`: stop generating, whichever process runs it; answers with the state after that."""
    caller = await admit(request)
    # Stop it before looking for its row, if its owner is known without it: the row may be written a moment later, or
    # when the database is back.
    is_mine = await lookup.is_known_as_owner(completion_id, caller.credential)
    if is_mine or (await lookup.find_row(completion_id, caller.credential)).finished_at is None:
        await stops.stop(completion_id)
    completion = await lookup.find_ended_row(completion_id, caller.credential)
    return _state(completion, await lookup.read_log(completion_id))


@_answers_faults("GET", "HEAD")
async def models(request: HttpRequest) -> HttpResponseBase:
    """`GET /v1/models`: the models that this caller may use."""
    caller = await admit(request)
    return _json({"object": "list", "data": [_described(model) for model in caller.models()]})


@_answers_faults("GET", "HEAD")
async def model(request: HttpRequest, name: str) -> HttpResponseBase:
    """`GET /v1/models/{id}`: one of them."""
    caller = await admit(request)
    return _json(_described(caller.visible_model(name)))


def _described(model: ServedModel) -> dict[str, object]:
    owner = model.routes[0].provider
    return {"id": model.name, "object": "model", "created": model.created_at, "owned_by": owner}


def _state(completion: Completion, log: lookup.Log | None) -> HttpResponse:
    answer = {
        "id": completion.id,
        "state": completion.state,
        "model": completion.chat_model,
        "text": log.text if log else completion.text or None,
        "reasoning": log.reasoning if log else completion.reasoning or None,
        "last_event_id": log.last_event_id if log else None,
        "finish_reason": completion.finish_reason or None,
        "error_code": completion.error_code or None,
        "usage": lookup.usage_of(completion),
        "started_at": completion.started_at,
        "finished_at": completion.finished_at,
    }
    return _json(answer)


def _json(answer: object) -> HttpResponse:
    return HttpResponse(msgspec.json.encode(answer), content_type="application/json")


def _stream(source: Source, headers: Mapping[str, str]) -> DrivenResponse:
    return DrivenResponse(source, headers={**_STREAM_HEADERS, **headers})


def _error_response(fault: Fault) -> HttpResponse:
    response = HttpResponse(
        fault.as_json(), status=fault.status, content_type="application/json", headers=fault.headers
    )
    if fault.status == 401:
        response["WWW-Authenticate"] = "Bearer"
    if fault.retry_after_s is not None:
        response["Retry-After"] = str(max(1, round(fault.retry_after_s)))
    elif fault.status == 429:
        response["Retry-After"] = "1"
    return response
