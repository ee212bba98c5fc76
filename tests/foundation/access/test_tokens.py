"""User tokens: minted for one user, verified without a query, refused if anything is wrong with them."""

import datetime as dt
from dataclasses import replace
from typing import Any

import jwt
import pytest
from django.test import Client

from foundation.access import authentication, tokens
from foundation.access.credentials import Credential
from foundation.access.models import ApiKey

SERVER = Credential(name="rm_0123456789ab", caller_id=7, app_id=3, allowed_models=("doubao",), is_throttled=False)
SHARED = "a-secret-that-the-app-shares-with-us"


def _in(**time: float) -> dt.datetime:
    """This long from now; negative: in the past."""
    return dt.datetime.now(dt.UTC) + dt.timedelta(**time)


def _post(client: Client, secret: str, body: object) -> Any:
    return client.post("/api/tokens/", body, "application/json", headers={"Authorization": f"Bearer {secret}"})


def _signed(claims: dict[str, Any], *, secret: str = SHARED, kid: str = "backend") -> str:
    usual = {"sub": "u-1", "aud": "rivermouth", "exp": _in(minutes=5)}
    return jwt.encode({**usual, **claims}, secret, algorithm="HS256", headers={"kid": kid})


def test_token_carries_what_its_key_may_do() -> None:
    token = tokens.mint(SERVER, user_id="u-1", ttl_s=60, now=_in())

    credential = authentication.look_up(token)  # a query would fail, since this test may not use the database

    assert credential == Credential(
        name="rm_0123456789ab",
        caller_id=7,
        app_id=3,
        user_id="u-1",
        allowed_models=("doubao",),
        is_throttled=False,
    )


def test_token_expires() -> None:
    token = tokens.mint(SERVER, user_id="u-1", ttl_s=60, now=_in(seconds=-61))

    assert authentication.look_up(token) is None


def test_token_of_the_apps_backend_is_believed(settings: Any) -> None:
    settings.USER_TOKEN_SHARED_SECRETS = {"backend": SHARED}

    credential = authentication.look_up(_signed({"models": ["doubao"]}))

    assert credential == Credential(
        name="shared:backend", caller_id=None, app_id=None, user_id="u-1", allowed_models=("doubao",)
    )


@pytest.mark.parametrize(
    ("claims", "signing"),
    [
        ({"exp": _in(minutes=-1)}, {}),
        ({"exp": _in(days=2)}, {}),
        ({"aud": "elsewhere"}, {}),
        ({"sub": ""}, {}),
        ({"sub": "u" * 129}, {}),
        ({"sub": "a\0b"}, {}),
        ({"sub": "\ud800"}, {}),
        ({"models": "doubao"}, {}),
        ({}, {"secret": "another-secret-of-the-same-length-"}),
        ({}, {"kid": "nobody"}),
    ],
    ids=[
        "expired",
        "lives too long",
        "for others",
        "for nobody",
        "too long",
        "with NUL",
        "half a surrogate pair",
        "models that are a text",
        "forged",
        "unknown secret",
    ],
)
def test_token_of_a_backend_is_refused(settings: Any, claims: dict[str, Any], signing: dict[str, str]) -> None:
    settings.USER_TOKEN_SHARED_SECRETS = {"backend": SHARED}

    assert authentication.look_up(_signed(claims, **signing)) is None


def test_user_stays_the_same_when_the_backend_changes_its_key() -> None:
    first = Credential(name="first", caller_id=7, app_id=3, user_id="u-1")
    second, other_app = replace(first, name="second"), replace(first, app_id=4)
    backend = Credential(name="shared:backend", caller_id=None, app_id=None, user_id="u-1")

    assert second.owner == first.owner
    assert len({first.owner, other_app.owner, backend.owner, replace(backend, name="shared:other").owner}) == 4


def test_unsigned_token_is_refused() -> None:
    claims = {"sub": "u-1", "aud": "rivermouth", "exp": _in(minutes=5)}

    assert authentication.look_up(jwt.encode(claims, "", algorithm="none")) is None


@pytest.mark.django_db
def test_server_mints_a_token_that_works(client: Client) -> None:
    key = ApiKey.objects.issue(caller="server")

    answer = _post(client, key, {"user_id": "u-1", "expires_in": 120})

    assert answer.status_code == 201
    expires_at = dt.datetime.fromisoformat(answer.json()["expires_at"])
    assert abs((expires_at - _in(seconds=120)).total_seconds()) < 60
    credential = authentication.look_up(answer.json()["token"])
    assert credential is not None
    assert (credential.user_id, credential.name) == ("u-1", key[:15])


@pytest.mark.django_db
def test_user_mints_no_token(client: Client) -> None:
    token = tokens.mint(SERVER, user_id="u-1", ttl_s=60, now=_in())

    answer = _post(client, token, {"user_id": "u-2"})

    assert (answer.status_code, answer.json()) == (403, {"detail": "A user token can't do this; use an API key."})


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "user_id"),
        ({"user_id": ""}, "user_id"),
        ({"user_id": "x" * 129}, "user_id"),
        ({"user_id": "u-1", "expires_in": 5}, "expires_in"),
        ({"user_id": "u-1", "expires_in": 100_000}, "expires_in"),
    ],
)
def test_wrong_field_is_named(client: Client, body: dict[str, Any], field: str) -> None:
    answer = _post(client, ApiKey.objects.issue(caller="server"), body)

    assert (answer.status_code, list(answer.json())) == (400, [field])
