import pytest
from django.core.checks import Warning as CheckWarning
from pytest_django import Settings

from config import checks


def test_provider_without_tls(settings: Settings) -> None:
    settings.ARK_BASE_URL = "http://ark.example/api/v3"
    settings.OCEANENGINE_BASE_URL = "https://ocean.example"

    assert checks.providers_use_tls() == [
        CheckWarning(
            "ARK_BASE_URL is http://ark.example/api/v3: anyone on the way can read what is sent there.",
            hint="Use an https:// address.",
            id="rivermouth.W001",
        )
    ]


def test_missing_provider_key(settings: Settings) -> None:
    settings.ARK_API_KEY = ""

    assert [found.id for found in checks.provider_key_is_set()] == ["rivermouth.W002"]


def test_provider_key_that_is_set(settings: Settings) -> None:
    settings.ARK_API_KEY = "key"

    assert checks.provider_key_is_set() == []


@pytest.mark.parametrize(
    "url",
    ["http://localhost:8000", "http://127.0.0.1", "http://127.1.2.3:9", "http://[::1]:8000", "http://a.localhost"],
)
def test_public_url_that_only_this_machine_knows(settings: Settings, url: str) -> None:
    settings.PUBLIC_URL = url

    [found] = checks.world_reaches_public_url()

    assert (found.id, url in found.msg) == ("rivermouth.E003", True)


def test_public_url_of_the_world(settings: Settings) -> None:
    settings.PUBLIC_URL = "https://rivermouth.example.com"

    assert checks.world_reaches_public_url() == []


def test_public_url_while_developing(settings: Settings) -> None:
    settings.PUBLIC_URL, settings.DEBUG = "http://localhost:8000", True

    assert checks.world_reaches_public_url() == []
