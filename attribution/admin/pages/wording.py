"""The reasons for states and matches, in words. An unknown reason is shown unchanged."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

REASONS: dict[str, Promise] = {
    # organic, and why no click matched
    "no_click": _("no click has any of its device ids"),
    "click_too_old": _("the click is older than the window"),
    "click_after_activation": _("the click came after the activation"),
    "no_device_id": _("no device id to compare"),
    # attributed
    "platform": _("Ocean Engine knows the ad"),
    "oaid": _("same OAID as a click"),
    "android_id": _("same Android id as a click"),
    "imei": _("same IMEI as a click"),
    "idfa": _("same IDFA as a click"),
    "caid": _("same CAID as a click"),
    "ip_user_agent": _("same IP and user agent as a click: a guess"),
    # rejected, failed
    "lookup_rejected": _("Ocean Engine refused the attribution query"),
    "report_rejected": _("Ocean Engine refused the report"),
    "budget_used_up": _("all tries failed"),
    "unreadable": _("the encryption key of its device ids is missing"),
    # held
    "app_switched_off": _("reporting is switched off for the app"),
    "destination_switched_off": _("the destination is switched off"),
    "breaker_open": _("the destination is failing; its breaker is open"),
    "no_package": _("the app has no package for this system"),
    "by_hand": _("by a person"),
    # skipped
    "after_window": _("it happened after the event window had ended"),
}
# The reasons that a send record can have.
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
