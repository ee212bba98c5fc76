"""User tokens: short-lived JWTs that the app's clients carry, verified without a query.

Minted by us for a server with an API key (`POST /api/tokens/`), or signed by the app's own backend with a secret that
it shares with us (`USER_TOKEN_SHARED_SECRETS`). The JWT's `kid` header names that secret.

Claims: `sub` (the app's user id), `exp` (Unix seconds, at most a day ahead), `aud` "rivermouth". Our tokens also carry
the rights of the minting key; a backend's tokens may carry `models` (a list of public model names).

A token can't be revoked; it expires within `USER_TOKEN_TTL_S`, or when its secret is replaced.
"""

import datetime as dt
from typing import Any

import jwt
from django.conf import settings

from foundation.access.credentials import Credential

AUDIENCE = "rivermouth"
MAX_TTL_S = 24 * 3600
MAX_USER_ID_CHARS = 128
_ALGORITHM = "HS256"
_OUR_CLAIMS = ["exp", "sub", "aud"]


class InvalidToken(Exception):  # noqa: N818  # the name that PyJWT gives it
    """Not one of our tokens, expired, or not signed by the party that it names."""


def mint(credential: Credential, *, user_id: str, ttl_s: int, now: dt.datetime) -> str:
    """A token for this user, with the rights of the credential."""
    claims = {
        "aud": AUDIENCE,
        "sub": user_id,
        "iat": now,
        "exp": now + dt.timedelta(seconds=ttl_s),
        "caller": credential.caller_id,
        "key": credential.name,
        "app": credential.app_id,
        "models": list(credential.allowed_models),
        "throttled": credential.is_throttled,
    }
    return jwt.encode(claims, settings.USER_TOKEN_SECRET, algorithm=_ALGORITHM)


def looks_like_token(secret: str) -> bool:
    """API keys have no dots, JWTs have two."""
    return secret.count(".") == 2


def verify(token: str) -> Credential:
    """Raises: InvalidToken."""
    try:
        kid = jwt.get_unverified_header(token).get("kid")
        if kid is None:
            return _of_ours(_decode(token, settings.USER_TOKEN_SECRET))
        secret = settings.USER_TOKEN_SHARED_SECRETS.get(kid)
        if secret is None:
            raise InvalidToken(f"no shared secret {kid!r}")
        return _of_backend(kid, _decode(token, secret))
    except (jwt.InvalidTokenError, KeyError, TypeError, OverflowError, UnicodeEncodeError) as err:
        raise InvalidToken(str(err)) from err


def _decode(token: str, secret: str) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(
        token, secret, algorithms=[_ALGORITHM], audience=AUDIENCE, options={"require": _OUR_CLAIMS}
    )
    if claims["exp"] - dt.datetime.now(dt.UTC).timestamp() > MAX_TTL_S:
        raise InvalidToken("it lives longer than a day")
    if not 0 < len(claims["sub"]) <= MAX_USER_ID_CHARS or "\0" in claims["sub"]:
        raise InvalidToken("its sub can't be a user's id")
    claims["sub"].encode()  # JSON can encode half a surrogate pair, which neither PostgreSQL nor Redis accepts
    return claims


def _of_ours(claims: dict[str, Any]) -> Credential:
    return Credential(
        name=claims["key"],
        caller_id=claims["caller"],
        app_id=claims["app"],
        user_id=claims["sub"],
        is_throttled=claims["throttled"],
        allowed_models=tuple(claims["models"]),
    )


def _of_backend(kid: str, claims: dict[str, Any]) -> Credential:
    models = claims.get("models", [])
    if not isinstance(models, list) or not all(isinstance(model, str) for model in models):
        raise InvalidToken("its models are not a list of names")
    return Credential(
        name=f"shared:{kid}", caller_id=None, app_id=None, user_id=claims["sub"], allowed_models=tuple(models)
    )
