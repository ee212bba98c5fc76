"""System checks of a deployment, for mistakes that reading the settings can't catch. Invalid values are refused in
`config.environment`.
"""

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core import checks

_THIS_MACHINE = {"localhost", "0.0.0.0", "::1", "::"}  # noqa: S104  # compared, not bound


@checks.register(checks.Tags.security, deploy=True)
def providers_use_tls(**kwargs: Any) -> list[checks.CheckMessage]:
    """Conversation texts and device ids must leave this server encrypted."""
    return [
        checks.Warning(
            f"{name} is {getattr(settings, name)}: anyone on the way can read what is sent there.",
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
    """Without the key every chat ends with 502."""
    if settings.ARK_API_KEY:
        return []
    return [checks.Warning("ARK_API_KEY is not set.", hint="Take one from Ark's console.", id="rivermouth.W002")]


@checks.register(checks.Tags.urls, deploy=True)
def world_reaches_public_url(**kwargs: Any) -> list[checks.CheckMessage]:
    """Monitor links begin with `PUBLIC_URL`: if only this machine knows that name, every click is lost silently."""
    if settings.DEBUG or not is_local(settings.PUBLIC_URL):
        return []
    return [
        checks.Error(
            f"PUBLIC_URL is {settings.PUBLIC_URL}: ad platforms cannot call the monitor links that begin with it.",
            hint="Set it to the public address of this site, such as https://rivermouth.example.com.",
            id="rivermouth.E003",
        )
    ]


def is_local(url: str) -> bool:
    """Whether this address can only be reached from this machine."""
    host = urlsplit(url).hostname or ""
    return host in _THIS_MACHINE or host.endswith(".localhost") or host.startswith("127.")
