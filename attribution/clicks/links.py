"""Monitor links: the URLs to enter at the ad platforms, one for each app and platform."""

from django.conf import settings

from attribution.devices.match_types import MatchType
from attribution.models import App
from attribution.platforms.registry import platforms


def monitor_link(app: App, platform: str) -> str:
    """`https://host/track/<platform>/<token>/?…`, with the platform's macros in its query."""
    return f"{settings.PUBLIC_URL}/track/{platform}/{app.monitor_token}/?{platforms()[platform].link_macros}"


def view_links(app: App, platform: str) -> dict[MatchType, str]:
    """The platform's monitor links for other touches than clicks, if it has any."""
    link = f"{settings.PUBLIC_URL}/track/{platform}/{app.monitor_token}/?"
    return {match_type: link + macros for match_type, macros in platforms()[platform].view_link_macros.items()}


def monitor_links(app: App) -> dict[str, str]:
    """The app's monitor links for all platforms, by slug."""
    return {platform: monitor_link(app, platform) for platform in platforms()}
