"""Who is calling: `Authorization: Bearer <API key or user token>`."""

import logging
import time
from hashlib import blake2b
from hmac import compare_digest

from django.conf import settings
from django.utils.translation import gettext_lazy as _
from knox.crypto import hash_token
from knox.settings import CONSTANTS
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from foundation.access import tokens
from foundation.access.credentials import Credential
from foundation.access.models import ApiKey
from foundation.hooks.apps import UnknownApp

logger = logging.getLogger(__name__)

_MAX_REMEMBERED = 10_000
# Keys seen in the last few seconds, by a hash of the secret: (key, its credential, when it was looked up).
_remembered: dict[bytes, tuple[ApiKey, Credential, float]] = {}


class NoSecret(Exception):  # noqa: N818  # not an error yet: an endpoint may be open to everyone
    """The header holds no bearer secret."""


def secret_of(header: str) -> str:
    """The secret of an `Authorization` header. Raises: NoSecret."""
    scheme, _space, secret = header.partition(" ")
    secret = secret.strip()
    if scheme.lower() != "bearer" or not secret:
        raise NoSecret
    return secret


def without_query(secret: str) -> Credential | None:
    """The credential, if known without the database: a user token, or a key seen in the last `API_KEY_CACHE_S`."""
    if tokens.looks_like_token(secret):
        try:
            return tokens.verify(secret)
        except tokens.InvalidToken:
            return None
    remembered = _remembered.get(_name(secret))
    if remembered is None:
        return None
    key, credential, looked_up_at = remembered
    is_fresh = time.monotonic() - looked_up_at <= settings.API_KEY_CACHE_S
    return credential if is_fresh and key.is_usable else None


def look_up(secret: str) -> Credential | None:
    """The credential of a user token or of a valid key.

    A key that is not cached costs one query, plus one for the id of its app.
    """
    known = without_query(secret)
    if known is not None or tokens.looks_like_token(secret):
        return known
    digest = hash_token(secret)
    candidates = ApiKey.objects.filter(token_key=secret[: CONSTANTS.TOKEN_KEY_LENGTH]).select_related("user")
    for key in candidates:
        if compare_digest(digest, key.digest) and key.is_usable:
            return _credential_of(secret, key)
    return None


def _credential_of(secret: str, key: ApiKey) -> Credential | None:
    try:
        credential = key.credential
    except UnknownApp as err:
        logger.warning("The key %s is refused: %s", key.token_key, err)
        return None
    if len(_remembered) >= _MAX_REMEMBERED:
        _remembered.clear()
    _remembered[_name(secret)] = (key, credential, time.monotonic())
    return credential


def _name(secret: str) -> bytes:
    return blake2b(secret.encode(), digest_size=16).digest()


class Caller:
    """`request.user` of an API request, as far as DRF's permissions need it. Its rights are in `request.auth`."""

    is_authenticated = True
    is_active = True

    def __init__(self, credential: Credential) -> None:
        self.pk = credential.caller_id


class BearerAuthentication(BaseAuthentication):
    """Knox's keys, and user tokens.

    Knox's own class loads all of the user's keys on every request and deletes the expired ones. Here an expired key is
    refused but kept, so that the admin shows when it expired.
    """

    def authenticate(self, request: Request) -> tuple[Caller, Credential] | None:
        try:
            secret = secret_of(request.META.get("HTTP_AUTHORIZATION", ""))
        except NoSecret:
            return None
        credential = look_up(secret)
        if credential is None:
            raise AuthenticationFailed(_("The API key or user token is not valid."))
        return Caller(credential), credential

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"
