"""`POST /api/tokens/`: the app's backend gets a token for one of its users."""

import datetime as dt
from typing import Any

from django.conf import settings
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from foundation.access import tokens
from foundation.access.credentials import Credential


class IsServer(BasePermission):
    """Allows callers with an API key; a user token cannot make other tokens."""

    message = "A user token can't do this; use an API key."

    def has_permission(self, request: Request, view: APIView) -> bool:
        return isinstance(request.auth, Credential) and request.auth.user_id is None


class TokenRequest(serializers.Serializer[None]):
    user_id = serializers.CharField(max_length=tokens.MAX_USER_ID_CHARS, help_text="The app's own id for its user")
    expires_in = serializers.IntegerField(
        min_value=60, max_value=tokens.MAX_TTL_S, required=False, help_text="Seconds; USER_TOKEN_TTL_S if not given"
    )


class TokenAnswer(serializers.Serializer[Any]):
    token = serializers.CharField()
    expires_at = serializers.DateTimeField()


class TokenView(APIView):
    permission_classes = [IsServer]

    @extend_schema(request=TokenRequest, responses={201: TokenAnswer})
    def post(self, request: Request) -> Response:
        """Make a short-lived token for one user of the app, for the app's client to use."""
        asked = TokenRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        ttl_s: int = asked.validated_data.get("expires_in", settings.USER_TOKEN_TTL_S)
        now = timezone.now()
        assert isinstance(request.auth, Credential)  # noqa: S101  # IsServer ensures it
        token = tokens.mint(request.auth, user_id=asked.validated_data["user_id"], ttl_s=ttl_s, now=now)
        answer = TokenAnswer({"token": token, "expires_at": now + dt.timedelta(seconds=ttl_s)})
        return Response(answer.data, status=status.HTTP_201_CREATED)
