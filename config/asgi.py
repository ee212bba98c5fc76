"""The web server's entry point: lifespan, driven streams, and Django for all the rest."""

import os

from django.conf import settings
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

_django = get_asgi_application()

from config import lifespan  # noqa: E402  # apps must be loaded first
from config.driven import DrivenHandler, Receive, Scope, Send  # noqa: E402

_driven = DrivenHandler()


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        await lifespan.serve(receive, send)
    elif scope["type"] == "http" and _is_without_middleware(scope):
        await _driven(scope, receive, send)
    else:
        await _django(scope, receive, send)


def _is_without_middleware(scope: Scope) -> bool:
    """Streams, and the calls of machines that come by the thousand: middleware took 4 of a click's 5 ms."""
    path: str = scope["path"]
    return (path in settings.DRIVEN_PATHS and scope["method"] == "POST") or path.startswith(settings.MACHINE_PREFIXES)
