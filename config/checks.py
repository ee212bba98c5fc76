"""System checks of a deployment: what settings alone can't refuse. Wrong values are refused in `config.environment`."""

from typing import Any

from django.conf import settings
from django.core import checks


@checks.register(checks.Tags.security, deploy=True)
def providers_use_tls(**kwargs: Any) -> list[checks.CheckMessage]:
    """Conversation texts and device ids leave the house encrypted."""
    return [
        checks.Warning(
            f"{name} is {getattr(settings, name)}: what is sent there can be read on the way.",
            hint="Use an https:// address.",
            id="rivermouth.W001",
        )
        for name in ("ARK_BASE_URL", "OCEANENGINE_BASE_URL")
        if not getattr(settings, name).startswith("https://")
    ]


@checks.register(checks.Tags.security, deploy=True)
def provider_key_is_set(**kwargs: Any) -> list[checks.CheckMessage]:
    """Without it every chat ends with 502."""
    if settings.ARK_API_KEY:
        return []
    return [checks.Warning("ARK_API_KEY is not set.", hint="Take one from Ark's console.", id="rivermouth.W002")]
