"""The answer for paths that do not exist: JSON under `/api/`, like everything else there."""

from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from foundation.serving import paths


@paths.for_unknown_paths
@csrf_exempt
def under_api(request: HttpRequest) -> JsonResponse:
    """The error in REST framework's shape, like the other endpoints under `/api/`."""
    path = request.path[:200]
    meant = paths.with_slash(path)
    hint = f" Did you mean {meant}?" if meant else ""
    return JsonResponse({"detail": f"There is nothing at {request.method} {path}.{hint}"}, status=404)
