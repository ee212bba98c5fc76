"""HTTP: events in, their state out, and the ads that users came from."""

import uuid
from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from django.utils import timezone
from django.utils.functional import SimpleLazyObject
from drf_spectacular.utils import OpenApiParameter, PolymorphicProxySerializer, extend_schema
from rest_framework import status
from rest_framework.exceptions import ValidationError
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from attribution import intake
from attribution.models import App, Attribution, Conversion
from attribution.serializers import (
    AttributionSerializer,
    ConversionSerializer,
    EventSerializer,
    ReceiptSerializer,
)
from config.access.credentials import Credential

MAX_EVENTS = 500

AnyRow = TypeVar("AnyRow", bound=Model)


class Events(APIView):
    @extend_schema(
        request=PolymorphicProxySerializer(
            component_name="OneEventOrSeveral",
            serializers=[EventSerializer, EventSerializer(many=True)],
            resource_type_field_name=None,
        ),
        responses={202: ReceiptSerializer},
    )
    def post(self, request: Request) -> Response:
        """Report one event, or up to 500 in a list; 202 means that they are on disk.

        A list is answered with a list: a bad item has `{"status": "invalid", "errors": …}` in its place.
        """
        if isinstance(request.data, list):
            return self._post_list(request, request.data)
        event = EventSerializer(data=request.data, context=_context(request))
        event.is_valid(raise_exception=True)
        now = timezone.now()
        [receipt] = intake.receive([event.reported_event(now)], now=now)
        return Response(ReceiptSerializer(receipt).data, status=status.HTTP_202_ACCEPTED)

    def _post_list(self, request: Request, items: list[Any]) -> Response:
        if not 0 < len(items) <= MAX_EVENTS:
            raise ValidationError({"events": [f"{len(items)} events; 1 to {MAX_EVENTS} are allowed."]})
        context = _context(request)
        events = [EventSerializer(data=item, context=context) for item in items]
        are_valid = [event.is_valid() for event in events]
        now = timezone.now()
        valid = [event.reported_event(now) for event, is_valid in zip(events, are_valid, strict=True) if is_valid]
        receipts = iter(intake.receive(valid, now=now))
        answers = [
            ReceiptSerializer(next(receipts)).data if is_valid else {"status": "invalid", "errors": event.errors}
            for event, is_valid in zip(events, are_valid, strict=True)
        ]
        return Response(answers, status=status.HTTP_202_ACCEPTED if valid else status.HTTP_400_BAD_REQUEST)


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


def _context(request: Request) -> dict[str, Any]:
    return {
        "credential": _credential(request),
        "app_ids": SimpleLazyObject(lambda: dict(App.objects.values_list("slug", "id"))),
        "ip": request.META.get("REMOTE_ADDR", ""),
        "user_agent": request.headers.get("User-Agent", "")[:1024],
    }
