"""The chat endpoints. Every error is answered here, in OpenAI's shape: nothing above these views would do it."""

import datetime as dt
import logging
from collections.abc import Callable, Coroutine, Mapping
from functools import wraps

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from rest_framework.decorators import api_view
from rest_framework.request import Request
from rest_framework.response import Response

from config.access.credentials import Credential
from config.driven import DrivenResponse
from streaming import catalogue, chat_request, faults, recorder
from streaming.admission import Caller, admit
from streaming.chat_request import ChatRequest
from streaming.faults import Fault
from streaming.models import Completion
from streaming.profiles import AppProfile, OpenAIProfile, Profile
from streaming.relay import Relay
from streaming.whole_answer import WholeAnswer

logger = logging.getLogger(__name__)

# Proxies neither buffer nor repack a stream; a GZipMiddleware would make each chunk a gzip file of its own.
_STREAM_HEADERS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-cache, no-transform",
    "X-Accel-Buffering": "no",
    "Content-Encoding": "identity",
}

AsyncView = Callable[[HttpRequest], Coroutine[object, object, HttpResponseBase]]


def _answers_faults(view: AsyncView) -> AsyncView:
    @csrf_exempt
    @require_POST
    @wraps(view)
    async def answering(request: HttpRequest) -> HttpResponseBase:
        try:
            return await view(request)
        except Fault as fault:
            return _error_response(fault)
        except RequestDataTooBig:
            return _error_response(Fault("body_too_large", "The request's body is too large.", status=413))
        except Exception:
            logger.exception("A turn failed before its first byte")
            return _error_response(faults.internal())

    return answering


@_answers_faults
async def chat_completions(request: HttpRequest) -> HttpResponseBase:
    """`POST /v1/chat/completions`: OpenAI's wire format, streamed or not."""
    caller = await admit(request)
    ask = chat_request.parse_openai(request.body)
    if ask.is_stream:
        return await _stream(caller, ask, Completion.Profile.OPENAI, OpenAIProfile(wants_usage=ask.wants_usage))
    model = caller.model(ask.model)
    completion = _completion(caller, ask, model.name, Completion.Profile.OPENAI)
    answer = WholeAnswer(completion, routes=model.routes, fields=ask.fields, is_stream=False)
    await answer.open()
    return HttpResponse(answer.body, content_type="application/json", headers=_id_header(completion))


@_answers_faults
async def chat(request: HttpRequest) -> HttpResponseBase:
    """`POST /api/chat/`: the app profile, always streamed."""
    caller = await admit(request)
    return await _stream(caller, chat_request.parse_app(request.body), Completion.Profile.APP, AppProfile())


async def _stream(caller: Caller, ask: ChatRequest, kind: Completion.Profile, profile: Profile) -> HttpResponseBase:
    model = caller.model(ask.model)
    completion = _completion(caller, ask, model.name, kind)
    relay = Relay(completion, routes=model.routes, fields=ask.fields, profile=profile)
    await relay.open()
    return DrivenResponse(relay, headers={**_STREAM_HEADERS, **_id_header(completion)})


def _completion(caller: Caller, ask: ChatRequest, model: str, kind: Completion.Profile) -> Completion:
    return Completion(
        caller_id=caller.credential.caller_id,
        user_id=(caller.credential.user_id or ask.user_id)[:200],
        profile=kind,
        is_stream=ask.is_stream,
        chat_model=model,
        started_at=dt.datetime.now(dt.UTC),
        process_id=recorder.current().process_id,
    )


def _id_header(completion: Completion) -> Mapping[str, str]:
    return {"X-Request-Id": str(completion.id)}


def _error_response(fault: Fault) -> HttpResponse:
    response = HttpResponse(fault.as_json(), status=fault.status, content_type="application/json")
    if fault.status == 401:
        response["WWW-Authenticate"] = "Bearer"
    if fault.retry_after_s is not None:
        response["Retry-After"] = str(max(1, round(fault.retry_after_s)))
    elif fault.status == 429:
        response["Retry-After"] = "1"
    return response


@api_view(["GET"])
def models(request: Request) -> Response:
    """`GET /v1/models`: the models that this caller may use."""
    assert isinstance(request.auth, Credential)  # noqa: S101  # the only authentication class there is
    caller = Caller(credential=request.auth, catalogue=catalogue.current() or catalogue.read())
    return Response(
        {
            "object": "list",
            "data": [
                {"id": model.name, "object": "model", "created": model.created_at, "owned_by": model.routes[0].provider}
                for model in caller.models()
            ],
        }
    )
