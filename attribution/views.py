"""HTTP: events in, their state out, and the ads that users came from."""

from typing import Any

from django.utils import timezone
from rest_framework import status
from rest_framework.exceptions import ValidationError
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from attribution import intake
from attribution.models import App, Conversion
from attribution.serializers import ConversionSerializer, EventSerializer

MAX_EVENTS = 500


class Events(APIView):
    def post(self, request: Request) -> Response:
        """Report one event, or a list of them."""
        if isinstance(request.data, list):
            return self._post_list(request, request.data)
        event = EventSerializer(data=request.data, context=_context(request))
        event.is_valid(raise_exception=True)
        now = timezone.now()
        [receipt] = intake.receive([event.reported_event(now)], now=now)
        return Response(_receipt(receipt), status=status.HTTP_202_ACCEPTED)

    def _post_list(self, request: Request, items: list[Any]) -> Response:
        if not 0 < len(items) <= MAX_EVENTS:
            raise ValidationError({"events": [f"{len(items)} events; 1 to {MAX_EVENTS} are allowed."]})
        context = _context(request)
        events = [EventSerializer(data=item, context=context) for item in items]
        are_valid = [event.is_valid() for event in events]
        now = timezone.now()
        valid = [event.reported_event(now) for event, is_valid in zip(events, are_valid, strict=True) if is_valid]
        receipts = iter(intake.receive(valid, now=now) if valid else [])
        answers = [
            _receipt(next(receipts)) if is_valid else {"status": "invalid", "errors": event.errors}
            for event, is_valid in zip(events, are_valid, strict=True)
        ]
        return Response(answers, status=status.HTTP_202_ACCEPTED if valid else status.HTTP_400_BAD_REQUEST)


class EventState(APIView):
    def get(self, request: Request, id: str) -> Response:
        """How far an event has come, with every attempt."""
        conversion = get_object_or_404(Conversion.objects.prefetch_related("attempts"), pk=id)
        return Response(ConversionSerializer(conversion).data)


def _receipt(receipt: intake.Receipt) -> dict[str, Any]:
    return {"id": str(receipt.id), "status": receipt.state, "duplicate": receipt.is_duplicate}


def _context(request: Request) -> dict[str, Any]:
    return {
        "app_id": getattr(request.auth, "app_id", None),
        "app_ids": dict(App.objects.values_list("slug", "id")),
        "ip": request.META.get("REMOTE_ADDR", ""),
        "user_agent": request.headers.get("User-Agent", "")[:1024],
    }
