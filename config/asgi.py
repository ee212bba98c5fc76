"""The web server's entry point: lifespan, driven streams, and Django for everything else."""

import logging
import os
import re
import secrets

from django.conf import settings
from django.core.asgi import get_asgi_application
from django.urls import get_resolver

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

_django = get_asgi_application()
get_resolver().url_patterns  # noqa: B018  # loads all views; otherwise the first request would wait for that

from config import checks  # noqa: E402  # apps must be loaded first
from foundation.serving import cors, lifespan, logs, paths  # noqa: E402  # apps must be loaded first
from foundation.serving.driven import DrivenHandler, Receive, Scope, Send  # noqa: E402

for message in checks.world_reaches_public_url():
    logging.getLogger("rivermouth").warning("%s %s", message.msg, message.hint)

_REQUEST_ID = re.compile(rb"[\w.:+/=-]{1,100}", re.ASCII)
_driven = DrivenHandler()
_cors = cors.Cors(settings.CORS_ALLOWED_ORIGINS, settings.CORS_PATHS)


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        await lifespan.serve(receive, send)
    elif scope["type"] == "http":
        await _serve(scope, receive, send)
    else:
        await _django(scope, receive, send)


async def _serve(scope: Scope, receive: Receive, send: Send) -> None:
    logs.bind(request_id=_request_id(scope))
    is_driven = _is_driven(scope)
    if not is_driven:
        scope["path"] = paths.canonical(scope["path"], settings.PATH_ALIASES)
        is_driven = _is_driven(scope)
    if _cors.answers_preflight(scope):
        await _cors.answer_preflight(scope, send)
        return
    headers = _cors.headers(scope)
    if is_driven:
        scope["more_headers"] = headers
        await _driven(scope, receive, send)
    else:
        await _django(scope, receive, cors.adding(send, headers) if headers else send)


def _is_driven(scope: Scope) -> bool:
    return settings.DRIVEN_PATHS.fullmatch(scope["path"]) is not None


def _request_id(scope: Scope) -> str:
    """The id that a proxy in front gave this request, so that its log lines and ours can be joined; else a new one."""
    given = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"")
    return given.decode() if _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
