"""HTTP: posting events, and reading their state and the ads that users came from."""

import functools
import logging
import uuid
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any, TypeVar

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.db.models import Model, Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.exceptions import ValidationError
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from attribution.events import intake
from attribution.events.reading import Reporter
from attribution.events.reported import ReportedEvent
from attribution.events.serializers import (
    AttributionSerializer,
    ConversionSerializer,
    EventSerializer,
    ReceiptSerializer,
)
from attribution.models import App, Attempt, Attribution, Conversion, UserAlias
from foundation.access.credentials import Credential
from foundation.database.group_commit import GroupCommit, TooManyWaiting

logger = logging.getLogger(__name__)

MAX_EVENTS = 500
NOT_STORED = {"detail": "Not stored, because of an error on our side. Send it again."}
CONTRADICTED = (
    "There is already a payment with this id, by another user or of another amount. Use a new id for a new payment; "
    "repeat an earlier payment unchanged."
)

# Requests beyond this number are refused: memory stays bounded while the database is down.
MAX_WAITING = 2000
# Limit for requests stored together: about one full list. With more they would wait for each other.
MAX_BATCH_BYTES = 128 * 1024

AnyRow = TypeVar("AnyRow", bound=Model)


class Events(APIView):
    @extend_schema(
        request=EventSerializer(many=True),
        responses={202: ReceiptSerializer},
    )
    def post(self, request: Request, *, now: datetime) -> Response:
        """Report one event, or up to 500 in a list; 202 means that they are on disk.

        A list is answered with a list: an invalid item has `{"status": "invalid", "errors": …}` in its place. So does a
        payment whose `outer_event_id` belongs to another payment; 409 if nothing else was posted.
        """
        is_list = isinstance(request.data, list)
        items = request.data if is_list else [request.data]
        if not 0 < len(items) <= MAX_EVENTS:
            raise ValidationError({"events": [f"{len(items)} events; send 1 to {MAX_EVENTS} at a time."]})
        reporter = _reporter(request)
        return Unstored([_read(item, reporter, now) for item in items], is_list=is_list)


class Unstored(Response):
    """The answer to a report whose events are still to be stored, possibly together with other requests' events."""

    def __init__(self, read: Sequence[ReportedEvent | Any], *, is_list: bool) -> None:
        """`read`: each item's event, or its errors by field."""
        self.events = [found for found in read if isinstance(found, ReportedEvent)]
        self._read = read
        self._is_list = is_list
        super().__init__(status=status.HTTP_202_ACCEPTED if self.events else status.HTTP_400_BAD_REQUEST)

    def fill(self, receipts: Iterator[intake.Receipt]) -> None:
        """Take the receipts of this report's events and set the outcome of each item."""
        answers = [
            _answer(next(receipts), found) if isinstance(found, ReportedEvent) else _refusal(found)
            for found in self._read
        ]
        if self.events and all("errors" in answer for answer in answers):
            self.status_code = status.HTTP_409_CONFLICT
        self.data = answers if self._is_list else answers[0].get("errors", answers[0])

    def fail(self) -> None:
        """None of this report's events is stored, because of an error on our side."""
        self.status_code = status.HTTP_500_INTERNAL_SERVER_ERROR
        self.data = NOT_STORED


class EventState(APIView):
    @extend_schema(responses=ConversionSerializer)
    def get(self, request: Request, id: uuid.UUID) -> Response:
        """The state of an event, with every attempt, oldest first."""
        attempts = Prefetch("attempts", Attempt.objects.order_by("started_at", "id"))
        mine = _visible(Conversion.objects.prefetch_related(attempts), request)
        conversion = get_object_or_404(mine, pk=id)
        return Response(ConversionSerializer(conversion).data)


class UserAttribution(APIView):
    @extend_schema(
        parameters=[OpenApiParameter("app", description="The app's short name, for a key without an app.")],
        responses=AttributionSerializer,
    )
    def get(self, request: Request, user_id: str) -> Response:
        """Which ad a user came from; 404 as long as the platform has not been asked. An earlier id will do."""
        slug = request.query_params.get("app")
        app = {"app__slug": slug} if slug else {"app_id": _credential(request).app_id}
        previous = UserAlias.objects.filter(**app, previous_id=user_id).values_list("user_id", flat=True)
        mine = _visible(Attribution.objects.filter(**app), request)
        return Response(AttributionSerializer(get_object_or_404(mine, user_id=previous.first() or user_id)).data)


def _visible(rows: QuerySet[AnyRow], request: Request) -> QuerySet[AnyRow]:
    """An app's key or token sees only the rows of that app, and a user's token only the rows of that user."""
    credential = _credential(request)
    if credential.app_id is not None:
        rows = rows.filter(app_id=credential.app_id)
    if credential.user_id is not None:
        rows = rows.filter(user_id=credential.user_id)
    return rows


def _credential(request: Request) -> Credential:
    credential: Credential = request.auth  # type: ignore[assignment]  # foundation.access sets it; knox's stubs say Token
    return credential


def _read(item: Any, reporter: Reporter, now: datetime) -> ReportedEvent | Any:
    """The event, or its errors by field."""
    try:
        return reporter.read(item, now)
    except ValidationError as err:
        return err.detail


def _answer(receipt: intake.Receipt, event: ReportedEvent) -> dict[str, Any]:
    if receipt.contradictions:
        return _refusal({"outer_event_id": [CONTRADICTED]})
    answer = {"id": str(receipt.id), "status": receipt.state, "duplicate": receipt.is_duplicate}
    return answer | {"ignored": dict(event.ignored)} if event.ignored else answer


def _refusal(errors: Any) -> dict[str, Any]:
    return {"status": "invalid", "errors": errors}


def _reporter(request: Request) -> Reporter:
    return Reporter(
        credential=_credential(request),
        ip=request.META.get("REMOTE_ADDR", ""),
        user_agent=request.headers.get("User-Agent", "")[:1024],
        app_id_of=functools.cache(App.objects.id_of),
    )


def _respond(requests: list[HttpRequest]) -> list[HttpResponse]:
    """Answer these requests, storing their events together."""
    now = timezone.now()
    responses = [_read_events(request, now) for request in requests]
    _store([response for response in responses if isinstance(response, Unstored)], now)
    for response in responses:
        if isinstance(response, Response):
            response.render()
    return responses


def _read_events(request: HttpRequest, now: datetime) -> HttpResponse:
    """The answer to a bad request, or an `Unstored` answer that waits for its events to be stored."""
    try:
        return _view(request, now=now)
    except (OperationalError, InterfaceError):
        raise
    except Exception:  # a request that fails must not affect the others
        logger.exception("Events could not be read")
        return JsonResponse(NOT_STORED, status=500)


def _store(responses: Sequence[Unstored], now: datetime) -> None:
    """Store all events together; if that fails, each request's separately, so that one cannot fail the others."""
    events = [event for response in responses for event in response.events]
    try:
        receipts = iter(intake.receive(events, now=now))
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        if len(responses) > 1:
            for response in responses:
                _store([response], now)
            return
        logger.exception("Events could not be stored")
        responses[0].fail()
    else:
        for response in responses:
            response.fill(receipts)


_view: Callable[..., HttpResponse] = Events.as_view()
_intake = GroupCommit(
    _respond,
    name="events",
    max_waiting=MAX_WAITING,
    weigh=lambda request: len(request.body),
    max_weight=MAX_BATCH_BYTES,
)


@functools.wraps(_view)
async def events(request: HttpRequest) -> HttpResponseBase:
    """`Events` for `DRIVEN_PATHS`, many requests at a time: Django's own path costs more than storing an event."""
    try:
        return await _intake.add(request)
    except RequestDataTooBig:
        return JsonResponse({"detail": f"More than {settings.DATA_UPLOAD_MAX_MEMORY_SIZE} bytes."}, status=413)
    except (OperationalError, InterfaceError, TooManyWaiting) as err:
        logger.error("Events were not stored: %r", err)  # noqa: TRY400  # a traceback each time would bury the rest
        return JsonResponse({"detail": "Not stored, because the database is unavailable. Send it again."}, status=503)
