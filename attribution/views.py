"""HTTP: events in, their state out, and the ads that users came from."""

import asyncio
import functools
import logging
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any, TypeVar

from django.db import InterfaceError, OperationalError, connection
from django.db.models import Model, QuerySet
from django.http import HttpRequest, JsonResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.exceptions import ValidationError
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from attribution import intake
from attribution.events import ReportedEvent
from attribution.models import App, Attribution, Conversion
from attribution.serializers import (
    AttributionSerializer,
    ConversionSerializer,
    EventSerializer,
    ReceiptSerializer,
    Reporter,
)
from config.access.credentials import Credential

logger = logging.getLogger(__name__)

MAX_EVENTS = 500

# As many as make use of one process: they wait for the database most of the time.
THREADS = 4
_threads = ThreadPoolExecutor(THREADS, thread_name_prefix="events")

AnyRow = TypeVar("AnyRow", bound=Model)


class Events(APIView):
    @extend_schema(
        request=EventSerializer(many=True),
        responses={202: ReceiptSerializer},
    )
    def post(self, request: Request) -> Response:
        """Report one event, or up to 500 in a list; 202 means that they are on disk.

        A list is answered with a list: a bad item has `{"status": "invalid", "errors": …}` in its place.
        """
        items = request.data if isinstance(request.data, list) else [request.data]
        if not 0 < len(items) <= MAX_EVENTS:
            raise ValidationError({"events": [f"{len(items)} events; 1 to {MAX_EVENTS} are allowed."]})
        answers, is_any_valid = _receive(items, _reporter(request))
        if not isinstance(request.data, list):
            [answers] = answers if is_any_valid else [answers[0]["errors"]]
        return Response(answers, status=status.HTTP_202_ACCEPTED if is_any_valid else status.HTTP_400_BAD_REQUEST)


class EventState(APIView):
    @extend_schema(responses=ConversionSerializer)
    def get(self, request: Request, id: uuid.UUID) -> Response:
        """How far an event has come, with every attempt."""
        mine = _visible(Conversion.objects.prefetch_related("attempts"), request)
        conversion = get_object_or_404(mine, pk=id)
        return Response(ConversionSerializer(conversion).data)


class UserAttribution(APIView):
    @extend_schema(
        parameters=[OpenApiParameter("app", description="The app's short name; default: the key's.")],
        responses=AttributionSerializer,
    )
    def get(self, request: Request, user_id: str) -> Response:
        """Which ad a user came from; 404 as long as nobody has asked."""
        slug = request.query_params.get("app")
        app = {"app__slug": slug} if slug else {"app_id": _credential(request).app_id}
        mine = _visible(Attribution.objects.filter(**app), request)
        return Response(AttributionSerializer(get_object_or_404(mine, user_id=user_id)).data)


def _visible(rows: QuerySet[AnyRow], request: Request) -> QuerySet[AnyRow]:
    """A server sees all rows; a user's token those of this user, in the token's app where it names one."""
    credential = _credential(request)
    if credential.user_id is None:
        return rows
    app = {"app_id": credential.app_id} if credential.app_id else {}
    return rows.filter(user_id=credential.user_id, **app)


def _credential(request: Request) -> Credential:
    credential: Credential = request.auth  # type: ignore[assignment]  # config.access sets it; knox's stubs say Token
    return credential


def _receive(items: list[Any], reporter: Reporter) -> tuple[Any, bool]:
    """The answer to each item, in order, and whether any was valid."""
    now = timezone.now()
    read = [_read(item, reporter, now) for item in items]
    receipts = iter(intake.receive([event for event in read if isinstance(event, ReportedEvent)], now=now))
    answers = [
        _answer(next(receipts)) if isinstance(found, ReportedEvent) else {"status": "invalid", "errors": found}
        for found in read
    ]
    return answers, any(isinstance(found, ReportedEvent) for found in read)


def _read(item: Any, reporter: Reporter, now: datetime) -> ReportedEvent | Any:
    """The event, or its errors by field."""
    try:
        return reporter.read(item, now)
    except ValidationError as err:
        return err.detail


def _answer(receipt: intake.Receipt) -> dict[str, Any]:
    return {"id": str(receipt.id), "status": receipt.state, "duplicate": receipt.is_duplicate}


def _reporter(request: Request) -> Reporter:
    return Reporter(
        credential=_credential(request),
        ip=request.META.get("REMOTE_ADDR", ""),
        user_agent=request.headers.get("User-Agent", "")[:1024],
        app_id_of=functools.cache(App.objects.id_of),
    )


def _rendered(request: HttpRequest) -> HttpResponseBase:
    try:
        answer: Response = Events.as_view()(request)
        answer.render()
        return answer  # noqa: TRY300  # what follows is for both
    except (OperationalError, InterfaceError):
        logger.exception("An event was not stored")
        return JsonResponse({"detail": "Not stored: the database is away. Try again."}, status=503)
    finally:
        connection.close()  # back to the pool


@functools.wraps(Events.as_view())
async def events(request: HttpRequest) -> HttpResponseBase:
    """`Events` in a thread of its own, for `DRIVEN_PATHS`: Django's way there costs more than storing an event."""
    return await asyncio.get_running_loop().run_in_executor(_threads, _rendered, request)
