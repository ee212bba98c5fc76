"""The `App-Access-Token` of reports: fetched, renewed by one process, replaced when refused; and RSA signatures."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from django.db import close_old_connections
from django.utils import translation
from pytest_django import Settings

from attribution.admin.pages.wording import warning_in_words
from attribution.authorising import app_tokens
from attribution.models import App, Authorisation, Conversion, Destination
from attribution.platforms.oceanengine import authentication
from tests.attribution.conftest import Pipeline


@pytest.fixture(autouse=True)
def _with_an_app(pipeline: Pipeline, settings: Settings) -> Iterator[None]:
    settings.OCEANENGINE_OAUTH_BASE_URL = pipeline.url
    settings.OCEANENGINE_APP_ID, settings.OCEANENGINE_APP_SECRET = "1", "secret"
    app_tokens.forget()
    yield
    app_tokens.forget()
    authentication.TOKENS.use("")
    requests.delete(f"{pipeline.url}/_authentication", timeout=10).raise_for_status()


def switch(pipeline: Pipeline, word: str, **order: Any) -> None:
    answer = requests.post(f"{pipeline.url}/_authentication", json={"switch": word, **order}, timeout=10)
    answer.raise_for_status()


def kill_tokens(pipeline: Pipeline) -> None:
    requests.delete(f"{pipeline.url}/_authentication", timeout=10).raise_for_status()


def issued(pipeline: Pipeline) -> int:
    found: int = requests.get(f"{pipeline.url}/_authentication", timeout=10).json()["issued"]
    return found


def fate(conversion: Conversion) -> tuple[str, str]:
    conversion.refresh_from_db()
    return conversion.state, conversion.reason


def test_token_is_fetched_once_sent_and_kept_encrypted(pipeline: Pipeline) -> None:
    App.objects.update(activates_once_per_callback=False)  # one phone will do for all users here
    switch(pipeline, "on")
    rows = [pipeline.report(user=f"u-{number}") for number in range(5)]
    pipeline.deliver()

    pipeline.report("active_register")
    pipeline.deliver()

    assert {fate(row) for row in rows} == {("reported", "")}
    [token] = {found["headers"]["App-Access-Token"] for found in pipeline.ledger()["conversions"]}
    row = Authorisation.objects.get()
    assert (row.kind, issued(pipeline), token.startswith("app-token-")) == ("app", 1, True)
    assert token not in row.access_token


def test_token_is_renewed_before_it_ends(pipeline: Pipeline) -> None:
    switch(pipeline, "on")
    pipeline.report()
    pipeline.deliver()
    pipeline.wait(hours=23, minutes=56)
    register = pipeline.report("active_register")

    pipeline.deliver()

    assert (fate(register), issued(pipeline)) == (("reported", ""), 2)
    assert pipeline.ledger()["refused"] == []


@pytest.mark.parametrize("on", ["attribution", "conversion"])
@pytest.mark.parametrize("fault", [{"kind": "status", "status": 401}, {"kind": "error_in_200", "code": 40105}], ids=str)
def test_refused_token_is_replaced_at_once(pipeline: Pipeline, on: str, fault: dict[str, Any]) -> None:
    switch(pipeline, "on")
    pipeline.report()
    pipeline.deliver()
    pipeline.wait(minutes=10)
    pipeline.fault(on, **fault, times=1)
    later = pipeline.report(user="u-2", device={"android_id": "a2"})

    pipeline.deliver()

    assert (fate(later), issued(pipeline)) == (("reported", ""), 2)
    assert not Destination.objects.filter(failures__gt=0).exists()


def test_tokens_that_die_at_the_vendor_cost_no_conversion(pipeline: Pipeline) -> None:
    pipeline.report()
    pipeline.deliver()
    kill_tokens(pipeline)
    switch(pipeline, "on")
    pipeline.wait(minutes=10)
    rows = [pipeline.report(user=f"u-{n}", device={"android_id": f"b{n}"}) for n in range(20)]

    pipeline.deliver()

    assert {fate(row) for row in rows} == {("reported", "")}
    assert issued(pipeline) == 1


def test_token_that_is_refused_however_new_holds_the_destination(pipeline: Pipeline) -> None:
    pipeline.fault("conversion", "status", status=403)
    first = pipeline.report()

    pipeline.deliver()

    assert fate(first) == ("held", "unauthorised")
    assert issued(pipeline) <= 2


def test_token_of_another_process_is_taken_over(pipeline: Pipeline) -> None:
    switch(pipeline, "on")
    pipeline.report()
    pipeline.deliver()
    app_tokens.forget()

    pipeline.report("active_register")
    pipeline.deliver()

    assert issued(pipeline) == 1


def test_vendor_that_can_not_issue_a_token_now_holds_and_then_delivers(pipeline: Pipeline, settings: Settings) -> None:
    pipeline.fault("app_token", "status", status=503)
    row = pipeline.report()
    pipeline.deliver()
    held, refused = fate(row), pipeline.ledger()["refused"]
    pipeline.end_faults()
    pipeline.wait(seconds=settings.BREAKER_OPEN_S + 10)

    pipeline.deliver()

    assert (held, refused) == (("held", "unauthorised"), [])
    assert row.attempts.first().message.startswith("no App-Access-Token: HTTP 503")  # type: ignore[union-attr]
    assert fate(row) == ("reported", "")


def test_app_that_gets_no_token_reports_without_and_says_so(pipeline: Pipeline) -> None:
    """As before it had an id and a secret, since most accounts require no token."""
    switch(pipeline, "ignored", secret="another")
    row = pipeline.report()

    pipeline.deliver()

    assert fate(row) == ("reported", "")
    assert pipeline.ledger()["conversions"][0]["headers"] == {}
    assert Authorisation.objects.get().lost_because == "code 40001: secret 错误"


def test_missing_key_costs_one_more_token(pipeline: Pipeline, settings: Settings) -> None:
    pipeline.report()
    pipeline.deliver()
    Authorisation.objects.update(access_token="not ours")
    app_tokens.forget()
    register = pipeline.report("active_register")

    pipeline.deliver()
    pipeline.wait(minutes=1)
    pipeline.deliver()

    assert (fate(register), issued(pipeline)) == (("reported", ""), 2)


def test_kept_without_authentication_is_a_warning_in_the_readers_language(
    pipeline: Pipeline, settings: Settings
) -> None:
    settings.OCEANENGINE_APP_ID = ""
    switch(pipeline, "off")
    row = pipeline.report()

    pipeline.deliver()

    assert fate(row) == ("reported", "")
    assert row.warning.startswith("code 128: ")
    assert warning_in_words(row).endswith("once the account requires authentication, such reports are dropped")
    with translation.override("zh-hans"):
        assert warning_in_words(row).endswith("账户开启鉴权后，此类回传将被丢弃")


def test_fixed_token_is_sent_as_it_is(pipeline: Pipeline, settings: Settings) -> None:
    settings.OCEANENGINE_ACCESS_TOKEN = "token-1"
    pipeline.report()

    pipeline.deliver()

    assert pipeline.ledger()["conversions"][0]["headers"] == {"App-Access-Token": "token-1"}
    assert not Authorisation.objects.exists()


def test_rsa_signature_is_what_the_vendor_verifies(pipeline: Pipeline, settings: Settings) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    settings.OCEANENGINE_RS256_CREDENTIAL, settings.OCEANENGINE_RS256_PRIVATE_KEY = "credential-1", pem
    switch(pipeline, "on", public_key=public)
    row = pipeline.report()

    pipeline.deliver()

    assert fate(row) == ("reported", "")
    [found] = pipeline.ledger()["conversions"]
    assert found["headers"]["x-rs256-token"].startswith("credential=credential-1&timestamp=")
    assert not Authorisation.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_eight_workers_at_once_fetch_one_token(pipeline: Pipeline) -> None:
    """Each acts as a fresh process; they share only the row."""
    pipeline.fault("app_token", "slow", delay_s=0.3)
    start = threading.Barrier(8)

    def work() -> None:
        start.wait()
        app_tokens._renew("oceanengine", authentication.TOKENS, lambda: pipeline.now)
        close_old_connections()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert issued(pipeline) == 1
    assert (Authorisation.objects.count(), authentication.TOKENS.token.startswith("app-token-")) == (1, True)
