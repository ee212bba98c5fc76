"""Who is calling: `Authorization: Bearer <API key>`."""

import time
from hashlib import blake2b
from hmac import compare_digest

from django.conf import settings
from django.contrib.auth.models import User
from django.utils.translation import gettext_lazy as _
from knox.auth import TokenAuthentication
from knox.crypto import hash_token
from knox.settings import CONSTANTS
from rest_framework.exceptions import AuthenticationFailed

from config.access.models import ApiKey

_MAX_REMEMBERED = 10_000
# Keys of the last few seconds, by a hash of the secret: (key, when it was looked up).
_remembered: dict[bytes, tuple[ApiKey, float]] = {}


def look_up(secret: str) -> ApiKey | None:
    """The valid key of this secret, with its user, from the database: one query."""
    digest = hash_token(secret)
    candidates = ApiKey.objects.filter(token_key=secret[: CONSTANTS.TOKEN_KEY_LENGTH]).select_related("user")
    for key in candidates:
        if compare_digest(digest, key.digest) and key.is_usable:
            _remember(secret, key)
            return key
    return None


def remembered(secret: str) -> ApiKey | None:
    """The valid key of this secret if it was looked up in the last `API_KEY_CACHE_S`; no query."""
    key, looked_up_at = _remembered.get(_name(secret), (None, 0.0))
    if key is None or time.monotonic() - looked_up_at > settings.API_KEY_CACHE_S or not key.is_usable:
        return None
    return key


def _remember(secret: str, key: ApiKey) -> None:
    if len(_remembered) >= _MAX_REMEMBERED:
        _remembered.clear()
    _remembered[_name(secret)] = (key, time.monotonic())


def _name(secret: str) -> bytes:
    return blake2b(secret.encode(), digest_size=16).digest()


class ApiKeyAuthentication(TokenAuthentication):  # type: ignore[misc]  # knox has no type information
    """Knox's reading of the header, with our look-up.

    Knox's own loads all keys of the user on every request and deletes the expired ones; here an expired key is refused
    and stays, so that the admin shows when it ended.
    """

    def authenticate_credentials(self, token: bytes) -> tuple[User, ApiKey]:
        secret = token.decode(errors="replace")
        key = remembered(secret) or look_up(secret)
        if key is None:
            raise AuthenticationFailed(_("The API key is not valid."))
        return key.user, key
