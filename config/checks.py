"""System checks of a deployment: what settings alone can't refuse. Wrong values are refused in `config.environment`."""

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core import checks

_THIS_MACHINE = {"localhost", "0.0.0.0", "::1", "::"}  # noqa: S104  # compared, not bound


@checks.register(checks.Tags.security, deploy=True)
def providers_use_tls(**kwargs: Any) -> list[checks.CheckMessage]:
    """Conversation texts and device ids leave the house encrypted."""
    return [
        checks.Warning(
            f"{name} is {getattr(settings, name)}: what is sent there can be read on the way.",
            hint="Use an https:// address.",
            id="rivermouth.W001",
        )
        for name in (
            "ARK_BASE_URL",
            "OCEANENGINE_BASE_URL",
            "OCEANENGINE_MARKETING_BASE_URL",
            "OCEANENGINE_OAUTH_BASE_URL",
        )
        if not getattr(settings, name).startswith("https://")
    ]


@checks.register(checks.Tags.security, deploy=True)
def provider_key_is_set(**kwargs: Any) -> list[checks.CheckMessage]:
    """Without it every chat ends with 502."""
    if settings.ARK_API_KEY:
        return []
    return [checks.Warning("ARK_API_KEY is not set.", hint="Take one from Ark's console.", id="rivermouth.W002")]


@checks.register(checks.Tags.urls, deploy=True)
def world_reaches_public_url(**kwargs: Any) -> list[checks.CheckMessage]:
    """Monitor links begin with it: with a name that only this machine knows every click is lost, without an error."""
    if settings.DEBUG or not is_local(settings.PUBLIC_URL):
        return []
    return [
        checks.Error(
            f"PUBLIC_URL is {settings.PUBLIC_URL}: ad platforms cannot call the monitor links that begin with it.",
            hint="Set it to the address under which the world reaches this site, such as https://rivermouth.example.com.",
            id="rivermouth.E003",
        )
    ]


def is_local(url: str) -> bool:
    """Whether only this machine can mean this address."""
    host = urlsplit(url).hostname or ""
    return host in _THIS_MACHINE or host.endswith(".localhost") or host.startswith("127.")
