"""The answer for paths that do not exist: JSON under `/api/`, like everything else there."""

from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt


@csrf_exempt
def under_api(request: HttpRequest) -> JsonResponse:
    """The error in REST framework's shape, like the other endpoints under `/api/`."""
    return JsonResponse({"detail": f"There is nothing at {request.method} {request.path[:200]}."}, status=404)
