"""The reasons for states and matches, in words. An unknown reason is shown unchanged."""

import re

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from attribution.events import event_words
from attribution.models import Attribution, Conversion, EarlierAttribution
from attribution.platforms.registry import name_of, platforms

# As `Conversion.warning` begins.
_CODE = re.compile(r"code (-?\d{1,10})\b")

REASONS: dict[str, Promise] = {
    # organic, and why no click matched
    "no_click": _("no click has any of its device ids"),
    "click_too_old": _("the click is older than the window"),
    "click_after_activation": _("the click came after the activation"),
    "no_device_id": _("no device id to compare"),
    "unknown_user": _("nothing else came of this user within three days"),
    # attributed
    "platform": _("the platform knows the ad"),
    "callback": _("the app sent the platform's callback"),
    "oaid": _("same OAID as a click"),
    "android_id": _("same Android id as a click"),
    "imei": _("same IMEI as a click"),
    "idfa": _("same IDFA as a click"),
    "caid": _("same CAID as a click"),
    "ip_user_agent": _("same IP and user agent as a click: a guess"),
    # rejected, failed
    "lookup_rejected": _("the platform refused the attribution query"),
    "report_rejected": _("the platform refused the report"),
    "budget_used_up": _("all tries failed"),
    "outcome_unknown": _("it was sent, nobody saw an answer, and a second one would count twice"),
    "unreadable": _("the encryption key of its device ids is missing"),
    # held
    "app_switched_off": _("reporting is switched off for the app"),
    "destination_switched_off": _("the destination is switched off"),
    "breaker_open": _("the destination is failing; its breaker is open"),
    "unauthorised": _("the platform refuses our token or lacks a permission for us"),
    "no_package": _("the app has no package for this system"),
    "no_platform": _("its ad platform is switched off in the settings"),
    "by_hand": _("by a person"),
    # skipped
    "after_window": _("it happened after the event window had ended"),
    "callback_already_used": _("the platform already counts an activation of this phone, by another user"),
    "same_user": _("the user had done it already under another id, and it counts once"),
    "erased": _("the user was erased"),
    "no_word": _("the platform has no word for this event"),
    "rule_switched_off": _("the app's rule for this event is switched off"),
    "after_rule_window": _("it happened later after the activation than the app's rule allows"),
    "not_first": _("the app's rule allows a user's first one only"),
}
# The reasons that a send record can have.
OF_RECORDS = [
    "no_click", "click_too_old", "click_after_activation", "no_device_id", "unknown_user",
    "lookup_rejected", "report_rejected",
    "budget_used_up", "outcome_unknown", "unreadable", "app_switched_off", "destination_switched_off", "breaker_open",
    "unauthorised", "no_package", "no_platform", "by_hand", "after_window", "callback_already_used", "no_word",
    "rule_switched_off", "after_rule_window", "not_first", "same_user", "erased",
]  # fmt: skip
# unfold's badges.
TONES = {
    "pending": "info",
    "reported": "success",
    "organic": "default",
    "rejected": "danger",
    "failed": "danger",
    "held": "warning",
    "skipped": "default",
}


def event_in_words(row: Conversion) -> str:
    """What happened, with the app's own name for it if it has one."""
    title = event_words.title(row.event)
    return f"{title} ({row.app_event})" if row.app_event not in ("", row.event) else title


def source_in_words(row: Attribution | EarlierAttribution) -> str:
    """Who knew the ad."""
    is_platform = row.source == Attribution.Source.PLATFORM
    return str(name_of(row.platform) if is_platform else row.get_source_display())


def code_in_words(platform: str, code: int | None) -> str:
    """What a platform's code means; "" if that is not known."""
    found = platforms().get(platform)
    return str(found.code_meanings.get(code, "")) if found and code is not None else ""


def warning_in_words(row: Conversion) -> str:
    """The platform's words, and what their code means."""
    code = _CODE.match(row.warning)
    meaning = code_in_words(row.platform, int(code[1])) if code else ""
    return " · ".join(filter(None, [row.warning, meaning]))


def reason_in_words(reason: str) -> str:
    return str(REASONS.get(reason, reason))
