"""The answer for paths that do not exist, in OpenAI's shape, and a guess at the path that was meant."""

import re

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from foundation.serving import paths
from streaming.wire import faults

# How other services' base URLs end, or ours with a slip of the pen: `/openai/v1/models`, `/V1/chat/completions`.
_ENDPOINT = re.compile(
    r".*/(chat/completions|(?<!chat/)completions|embeddings|(?:models|responses)(?:/.+?)?)[/\s]*", re.I
)
_CHAT = re.compile(r"/|/(?:.*/)?(?:v[0-9]+|chat)/?", re.I)  # nothing after the host or the version, or half of it


@paths.for_unknown_paths
@csrf_exempt
def unknown_path(request: HttpRequest, **path: object) -> HttpResponse:
    """JSON, which is what the clients of these paths read."""
    fault = faults.unknown_path(f"{request.method} {request.path}", _hint(request.path[:200]))
    return HttpResponse(fault.as_json(), status=fault.status, content_type="application/json")


def _hint(path: str) -> str:
    if meant := paths.with_slash(path):
        return f"Did you mean {meant}?"
    meant = _meant(path)
    if meant == path or not paths.exists(meant):
        return ""
    return f"Did you mean {meant}? The base URL of OpenAI's SDKs ends in /v1."


def _meant(path: str) -> str:
    if _CHAT.fullmatch(path):
        return "/v1/chat/completions"
    found = _ENDPOINT.fullmatch(path)
    return f"/v1/{found[1]}" if found else path
