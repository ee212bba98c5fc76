"""Exactly one refresher, and what is left when it dies."""

import os
import signal
import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import close_old_connections
from pytest_django import Settings

from attribution.authorising import refreshing
from attribution.authorising.refreshing import AuthorisationLostError
from attribution.costs import sources
from attribution.models import Authorisation
from attribution.platforms.cost_source import CostError, Tokens
from tests import servers
from tests.attribution.costs.conftest import Marketing


def token(marketing: Marketing, *, refused: str = "") -> str:
    refresh = sources.source_of("oceanengine").refreshed
    [pk] = Authorisation.objects.values_list("pk", flat=True)
    return refreshing.access_token(pk, refresh, clock=marketing.clock, refused=refused)


def test_tokens_are_encrypted_at_rest(connected: Marketing) -> None:
    row = Authorisation.objects.get()

    plain = token(connected)
    assert plain.startswith("access-")
    assert plain not in row.access_token + row.refresh_token
    assert "refresh-" not in row.refresh_token


def test_token_that_lives_is_used_and_one_that_ends_soon_refreshed(connected: Marketing) -> None:
    first = token(connected)
    again = token(connected)
    connected.wait(hours=23, minutes=56)
    third = token(connected)

    assert (first == again, third == first, connected.refreshes()) == (True, False, 1)
    row = Authorisation.objects.get()
    assert (row.access_expires_at, row.refresh_expires_at) == (
        connected.now + timedelta(hours=24), connected.now + timedelta(days=30),
    )  # fmt: skip
    assert row.refresh_began_at is None


def test_refused_token_is_replaced_once_whoever_saw_it_refused(connected: Marketing) -> None:
    first = token(connected)

    second = token(connected, refused=first)
    third = token(connected, refused=first)

    assert (second == first, third == second, connected.refreshes()) == (False, True, 1)


@pytest.mark.django_db(transaction=True)
def test_two_refreshers_at_once_leave_one_valid_pair(marketing: Marketing) -> None:
    marketing.connect()
    marketing.wait(hours=24)
    marketing.fault("oauth", "slow", delay_s=0.3)
    start, found = threading.Barrier(8), []

    def refresh() -> None:
        start.wait()
        found.append(token(marketing))
        close_old_connections()

    threads = [threading.Thread(target=refresh) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (len(found), len(set(found)), marketing.refreshes()) == (8, 1, 1)
    assert sources.source_of("oceanengine").accounts(found[0]) != []
    row = Authorisation.objects.get()
    assert (row.refresh_began_at, row.lost_because) == (None, "")
    marketing.end_faults()
    marketing.wait(hours=24)
    assert token(marketing) != found[0]


def test_answer_that_is_lost_after_it_took_effect_says_authorise_again(connected: Marketing) -> None:
    connected.wait(hours=24)
    connected.fault("oauth", "reset_after", times=1)
    with pytest.raises(CostError):
        token(connected)
    began = Authorisation.objects.get().refresh_began_at

    with pytest.raises(AuthorisationLostError) as lost:
        token(connected)

    assert began == connected.now
    assert "never ended, and took the refresh token with it (code 40107" in str(lost.value)
    assert Authorisation.objects.get().lost_because == str(lost.value)


def test_request_that_never_arrived_does_no_harm(connected: Marketing) -> None:
    connected.wait(hours=24)
    connected.fault("oauth", "reset_before", times=1)
    with pytest.raises(CostError):
        token(connected)

    assert token(connected).startswith("access-")
    assert Authorisation.objects.get().refresh_began_at is None


def test_lost_authorisation_is_not_asked_for_again(connected: Marketing) -> None:
    connected.wait(hours=24)
    connected.fault("oauth", "error_in_200", code=40103, message="refresh_token 已过期", times=1)
    with pytest.raises(AuthorisationLostError, match="code 40103"):
        token(connected)

    with pytest.raises(AuthorisationLostError, match="code 40103"):
        token(connected)
    assert connected.refreshes() == 0


def test_key_that_is_gone_says_authorise_again(connected: Marketing, settings: Settings) -> None:
    settings.FIELD_ENCRYPTION_KEYS = ["b3RoZXItdGVzdHMta2V5LTMyLWJ5dGVzLWxvbmctMDE="]

    with pytest.raises(AuthorisationLostError, match="encrypted with a key that is gone"):
        token(connected)


def test_tokens_without_a_refresh_token_are_requested_again(connected: Marketing) -> None:
    """As with App-Access-Tokens, which come from the app's own id and secret."""
    asked = []

    def ask(refresh_token: str) -> Tokens:
        asked.append(refresh_token)
        return Tokens(access_token="app-token", access_expires_in_s=7200)

    row = Authorisation.objects.get()
    Authorisation.objects.update(refresh_token="")
    connected.wait(hours=24)

    found = refreshing.access_token(row.pk, ask, clock=connected.clock)

    assert (found, asked) == ("app-token", [""])
    assert Authorisation.objects.get().refresh_expires_at is None


KILLED_WHILE_IT_WAITS = """
import django; django.setup()
from datetime import UTC, datetime, timedelta
from attribution.authorising import refreshing
from attribution.costs import sources
from attribution.models import Authorisation
refreshing.access_token(
    Authorisation.objects.get().pk, sources.source_of("oceanengine").refreshed,
    clock=lambda: datetime.now(tz=UTC) + timedelta(days=1),
)
"""


@pytest.mark.django_db(transaction=True)
def test_process_that_is_killed_after_the_answer_is_recognised(marketing: Marketing, tmp_path: Path) -> None:
    """The platform has issued the new pair, and the process that asked dies before it is on disk."""
    marketing.connect()
    marketing.fault("oauth", "hang_after", times=1)
    environment = os.environ | {
        "DATABASE_URL": servers.database_url(), "OCEANENGINE_OAUTH_BASE_URL": marketing.url,
        "OCEANENGINE_APP_ID": "1", "OCEANENGINE_APP_SECRET": "secret",
    }  # fmt: skip
    process = subprocess.Popen([sys.executable, "-c", KILLED_WHILE_IT_WAITS], cwd=servers.ROOT, env=environment)
    servers.eventually(marketing.refreshes, bool)
    process.send_signal(signal.SIGKILL)
    process.wait()

    marketing.wait(days=1)
    with pytest.raises(AuthorisationLostError, match="never ended, and took the refresh token with it"):
        token(marketing)
