"""The reasons of states and matches, as people read them. An unknown one is shown as it is."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

REASONS: dict[str, Promise] = {
    # organic, and why no click matched
    "no_click": _("no click has one of its ids"),
    "click_too_old": _("the click is older than the window"),
    "click_after_activation": _("the click came after the activation"),
    "no_device_id": _("no device id to compare"),
    # attributed
    "platform": _("Ocean Engine knows the ad"),
    "oaid": _("OAID in common with a click"),
    "android_id": _("Android id in common with a click"),
    "imei": _("IMEI in common with a click"),
    "idfa": _("IDFA in common with a click"),
    "caid": _("CAID in common with a click"),
    "ip_user_agent": _("IP and user agent in common with a click: a guess"),
    # rejected, failed
    "lookup_rejected": _("Ocean Engine refused the attribution query"),
    "report_rejected": _("Ocean Engine refused the report"),
    "budget_used_up": _("all tries failed"),
    "unreadable": _("the key of its device ids is gone"),
    # held
    "app_switched_off": _("reporting is switched off for the app"),
    "destination_switched_off": _("the destination is switched off"),
    "breaker_open": _("the destination fails; its breaker is open"),
    "no_package": _("the app has no package for this system"),
    "by_hand": _("by a person"),
    # skipped
    "after_window": _("later after the activation than the event window"),
}
# Those that a send record can have.
OF_RECORDS = [
    "no_click", "click_too_old", "click_after_activation", "no_device_id", "lookup_rejected", "report_rejected",
    "budget_used_up", "unreadable", "app_switched_off", "destination_switched_off", "breaker_open", "no_package",
    "by_hand", "after_window",
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


def reason_in_words(reason: str) -> str:
    return str(REASONS.get(reason, reason))
