from django.core.checks import Warning as CheckWarning
from pytest_django import Settings

from config import checks


def test_provider_without_tls(settings: Settings) -> None:
    settings.ARK_BASE_URL = "http://ark.example/api/v3"
    settings.OCEANENGINE_BASE_URL = "https://ocean.example"

    assert checks.providers_use_tls() == [
        CheckWarning(
            "ARK_BASE_URL is http://ark.example/api/v3: what is sent there can be read on the way.",
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
