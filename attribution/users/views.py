"""HTTP: a user gets another id, or is erased. For keys only; the answers count rows and hold no id."""

import logging
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from attribution.models import App
from attribution.users import aliasing, erasing
from attribution.users.serializers import (
    AliasReceiptSerializer,
    AliasSerializer,
    ErasureReceiptSerializer,
    MovedSerializer,
    RemovedSerializer,
)
from foundation.access.credentials import Credential
from foundation.access.views import IsServer

logger = logging.getLogger(__name__)

BELONGS_TO_ANOTHER = "This id belongs to another user already."


class User(APIView):
    permission_classes = [IsServer]

    @extend_schema(
        operation_id="erase_user",
        parameters=[OpenApiParameter("app", description="The app's short name, for a key without an app.")],
        request=None,
        responses=ErasureReceiptSerializer,
        examples=[
            OpenApiExample(
                "Erased",
                value={
                    "removed": {
                        "events": 3, "attempts": 5, "attributions": 1, "clicks": 1, "previous_ids": 1, "chats": 2,
                        "conversations": 1, "messages": 4,
                    }
                },
                response_only=True,
            )
        ],
    )  # fmt: skip
    def delete(self, request: Request, user_id: str) -> Response:
        """Erase one user, under this and all earlier ids: events, attribution, clicks and chats.

        Ids, texts and addresses go; what is counted stays, under an id that leads to nobody. Nothing more is sent to an
        ad platform. Events that are posted afterwards begin afresh. Repeated, it answers with zeros.
        """
        app_id = _app_id(request, request.query_params.get("app"))
        counts = erasing.erase(
            app_id, user_id, has_chats_without_app=_has_chats_without_app(request), now=timezone.now()
        )
        return Response({"removed": RemovedSerializer(counts).data})


class Alias(User):
    """The path is also that of a user with the id "alias"."""

    @extend_schema(exclude=True)
    def delete(self, request: Request, user_id: str = "alias") -> Response:
        return super().delete(request, user_id)

    @extend_schema(
        operation_id="alias_user",
        request=AliasSerializer,
        responses={
            200: AliasReceiptSerializer,
            409: OpenApiResponse(description="`previous_id` belongs to another user already."),
        },
        examples=[
            OpenApiExample(
                "A login", value={"user_id": "1796071960", "previous_id": "anon-5f8c1e0b"}, request_only=True
            ),
            OpenApiExample(
                "Moved",
                value={"moved": {"events": 2, "repeated_events": 1, "attributions": 1, "chats": 3, "conversations": 1}},
                response_only=True,
                status_codes=["200"],
            ),
        ],
    )
    def post(self, request: Request) -> Response:
        """Say that two ids are one user: everything of `previous_id` belongs to `user_id` from now on.

        Also what still comes under `previous_id` later. What counts once per user counts once. An id that belongs to
        another user already is refused with 409. Repeated, it answers with zeros.
        """
        asked = AliasSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        given: dict[str, Any] = asked.validated_data
        try:
            counts = aliasing.alias(
                _app_id(request, given.get("app")),
                user_id=given["user_id"],
                previous_id=given["previous_id"],
                has_chats_without_app=_has_chats_without_app(request),
                now=timezone.now(),
            )
        except aliasing.BelongsToAnother:
            return Response({"previous_id": [BELONGS_TO_ANOTHER]}, status=status.HTTP_409_CONFLICT)
        moved = MovedSerializer(counts).data
        logger.info("A user got another id: %s", moved)
        return Response({"moved": moved})


def _app_id(request: Request, slug: str | None) -> int:
    """The key's own app; a key without an app names one. Raises: ValidationError."""
    own_id = _credential(request).app_id
    app_id = App.objects.id_of(slug) if slug else own_id
    if app_id is None or own_id not in (None, app_id):
        message = f"There is no app {slug!r} for this key." if slug else "Required: this key has no app of its own."
        raise ValidationError({"app": [message]})
    return app_id


def _has_chats_without_app(request: Request) -> bool:
    """Whether chats of no app are this app's: it is the only one, or the key is that of no app."""
    return _credential(request).app_id is None or App.objects.count() == 1


def _credential(request: Request) -> Credential:
    credential: Credential = request.auth  # type: ignore[assignment]  # foundation.access sets it; knox's stubs say Token
    return credential
