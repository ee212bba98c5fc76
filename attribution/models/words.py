"""The words of our API for systems, events and states."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from attribution.devices.match_types import MatchType


class Os(models.TextChoices):
    ANDROID = "android", _("Android")
    IOS = "ios", _("iOS")
    HARMONY = "harmony", _("HarmonyOS")


# The titles of `MatchType`, as choices.
MATCH_TYPES = [
    (MatchType.CLICK.value, _("click")),
    (MatchType.PLAY.value, _("effective play")),
    (MatchType.IMPRESSION.value, _("impression")),
]


class Event(models.TextChoices):
    """What a user did, in the words of our API."""

    ACTIVE = "active", _("activation")
    REGISTER = "active_register", _("registration")
    PAY = "active_pay", _("payment")
    NEXT_DAY = "next_day_open", _("next-day open")
    KEY_BEHAVIOUR = "game_addiction", _("key behaviour")


def event_label(word: str) -> str:
    """Our word for people, or any other word as it is: only the platforms know their titles."""
    return str(Event(word).label) if word in Event.values else word


# A key behaviour may count chats as well as events.
CHAT = "chat"
MAX_KEY_BEHAVIOUR_HOURS = 24 * 366


class State(models.TextChoices):
    PENDING = "pending", _("pending")
    REPORTED = "reported", _("reported")
    ORGANIC = "organic", _("organic")
    REJECTED = "rejected", _("rejected")
    FAILED = "failed", _("failed")
    HELD = "held", _("held")
    SKIPPED = "skipped", _("skipped")
