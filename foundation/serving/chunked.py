"""Chunked bodies, without a length: Node streams, Java publishers and `curl -T` send them.

REST framework takes a request without `Content-Length` to have no body. By the time a view runs, the body has been
read, so its length is known and can be set.
"""

from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_only_middleware


@sync_only_middleware
def known_length(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[[HttpRequest], HttpResponseBase]:
    """Django middleware. Driven paths have no middleware: `DrivenHandler` sets the length itself."""

    def respond(request: HttpRequest) -> HttpResponseBase:
        if "chunked" in request.headers.get("Transfer-Encoding", "").lower() and "CONTENT_LENGTH" not in request.META:
            request.META["CONTENT_LENGTH"] = str(len(request.body))
        return get_response(request)

    return respond
