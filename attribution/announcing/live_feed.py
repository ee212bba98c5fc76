"""Tells open dashboards that send records have arrived or changed: at most once a second, across all processes.

The message is only a hint without content; the page then asks for the rows. It goes through Redis to every web process,
and from there through django-eventstream to the browsers. A lost message costs seconds, until the page asks by itself,
so neither an event's request nor a worker waits for it or fails because of it.
"""

from typing import Any

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django_eventstream.channelmanager import DefaultChannelManager
from redis import RedisError

from foundation.serving.announcing import Announcer
from foundation.serving.shared_redis import UNAVAILABLE, client

CHANNEL = "send-records"
EVENT = "changed"
TOLD_ON = "rivermouth:live_feed:changes"  # the Redis channel on which web processes listen
PERMISSION = "attribution.view_conversion"
INTERVAL_S = 1.0
# The process that sets this key publishes; all others wait until it has expired.
_TOLD_KEY = "rivermouth:live_feed:told"


class Channels(DefaultChannelManager):  # type: ignore[misc]  # no type information
    """Decides who may listen (`EVENTSTREAM_CHANNELMANAGER_CLASS`)."""

    def can_read_channel(self, user: AbstractBaseUser | AnonymousUser | None, channel: str) -> bool:
        return may_follow(user)

    def is_channel_reliable(self, channel: str) -> bool:
        """Without storage, which would cost a thread and a connection for each listener."""
        return False


def may_follow(user: Any) -> bool:
    return bool(user and user.is_active and user.is_staff and user.has_perm(PERMISSION))


def _tell() -> bool:
    try:
        if not client().set(_TOLD_KEY, 1, nx=True, px=int(1000 * INTERVAL_S)):
            return False
        client().publish(TOLD_ON, "")
    except (RedisError, OSError):
        UNAVAILABLE.labels("live feed").inc()
        return False
    return True


announce_change = Announcer("live feed", _tell, interval_s=INTERVAL_S, pause_s=INTERVAL_S).announce
