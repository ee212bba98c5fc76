"""What is answered where there is nothing: JSON under `/api/`, as all that stands there."""

from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt


@csrf_exempt
def under_api(request: HttpRequest) -> JsonResponse:
    """In the shape of REST framework's errors, in which the neighbours answer."""
    return JsonResponse({"detail": f"There is nothing at {request.method} {request.path[:200]}."}, status=404)
