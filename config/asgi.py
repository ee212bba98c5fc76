"""The web server's entry point: lifespan, driven streams, and Django for all the rest."""

import os

from django.conf import settings
from django.core.asgi import get_asgi_application
from django.urls import get_resolver

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

_django = get_asgi_application()
get_resolver().url_patterns  # noqa: B018  # loads all views: the first request would wait for it

from foundation.serving import lifespan  # noqa: E402  # apps must be loaded first
from foundation.serving.driven import DrivenHandler, Receive, Scope, Send  # noqa: E402

_driven = DrivenHandler()


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        await lifespan.serve(receive, send)
    elif scope["type"] == "http" and settings.DRIVEN_PATHS.fullmatch(scope["path"]):
        await _driven(scope, receive, send)
    else:
        await _django(scope, receive, send)
