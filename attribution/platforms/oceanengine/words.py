"""Ocean Engine's words and numbers, and ours for them."""

from django.utils.translation import gettext_lazy as _

from attribution.devices.match_types import MatchType

# What is known of its codes, for people.
CODE_MEANINGS = {
    103: _("the callback is not valid"),
    107: _("the callback has expired"),
    128: _("kept, but not authenticated: once the account requires authentication, such reports are dropped"),
    40002: _("our app lacks a permission"),
    40101: _("our app is not allowed to call this"),
    40102: _("the access token has expired"),
    40103: _("the refresh token has expired"),
    40104: _("the access token is missing"),
    40105: _("the access token is not valid"),
    40107: _("the refresh token is not valid"),
}
# All words of the vendor's table of events, with their titles: what an app may report, and what is reported. The first
# five are also our own words, which statistics count. Source: the list "all events" of the vendor's event manager, as
# the public SDK bububa/oceanengine has it (enum/conversion_event_type), and a newer list of July 2026.
EVENT_TITLES = {
    "active": _("activation"),
    "active_register": _("registration"),
    "active_pay": _("payment"),
    "next_day_open": _("next-day open"),
    "game_addiction": _("key behaviour"),
    "phone": _("phone call"),
    "phone_confirm": _("phone call confirmed"),
    "phone_connect": _("phone call connected"),
    "phone_effective": _("effective phone call"),
    "form": _("form submitted"),
    "form_answer": _("answered after a form"),
    "consult_effective": _("effective consultation"),
    "consult_clue": _("contact left in a consultation"),
    "multiple": _("contact left in any way"),
    "coupon": _("coupon taken"),
    "in_app_uv": _("visit in the app"),
    "in_app_detail_uv": _("visit of a key page"),
    "in_app_cart": _("added to cart in the app"),
    "in_app_order": _("order in the app"),
    "in_app_order_balance": _("balance paid in the app"),
    "in_app_pay": _("order paid in the app"),
    "in_app_next_day_open": _("next-day visit in the app"),
    "add_to_cart": _("added to cart"),
    "shopping": _("purchase"),
    "page_view": _("page view"),
    "authorization": _("authorised sign-in"),
    "notify_download": _("download reserved"),
    "wechat": _("WeChat id copied"),
    "in_wechat_login": _("visit in WeChat"),
    "in_wechat_pay": _("payment in WeChat"),
    "unfollow_in_wechat": _("unfollowed in WeChat"),
    "deep_purchase": _("repeated payment"),
    "purchase_roi": _("payment ROI"),
    "lt_roi": _("ad revenue ROI"),
    "ug_roi": _("in-app ad ROI"),
    "ltv0": _("first-day LTV"),
    "impression": _("ad shown in the app"),
    "ipu_qualify": _("ads shown often enough"),
    "supply_active": _("supply-side activation"),
    "lu_click": _("click in search results"),
    "lu_convert": _("conversion in search results"),
    "loan_completion": _("loan application completed"),
    "pre_loan_credit": _("loan pre-approved"),
    "loan_credit": _("loan approved"),
    "low_loan_credit": _("loan approved, low value"),
    "high_loan_credit": _("loan approved, high value"),
    "loan": _("loan paid out"),
    "premium_payment": _("insurance bought"),
    "withdraw_insurance": _("insurance cancelled"),
    "withdraw_m2": _("insurance cancelled within 60 days"),
    "withdraw_iaa": _("subscription cancelled or not renewed"),
    "customer_effective": _("valuable customer"),
    "clue_confirm": _("lead confirmed"),
    "clue_interflow": _("lead in contact"),
    "clue_high_intention": _("lead with high intention"),
    "clue_pay_succeed": _("lead paid"),
    "arrival_lead": _("lead came to the shop"),
    "failed_lead": _("lead lost"),
    "ecom_cancel_order": _("order cancelled"),
    "ecom_successful_pay": _("shop order paid"),
    "ecom_refund": _("refund"),
    "other": _("other conversion"),
}
# Our events in the vendor's words, which are the same.
EVENT_TYPES = {word: word for word in EVENT_TITLES}
# The numbers for events in the vendor's older conversion API; apps may still send these to us.
EVENT_NUMBERS = {
    0: "active", 1: "active_register", 2: "active_pay", 3: "form", 5: "consult_effective", 6: "next_day_open",
    25: "game_addiction",
}  # fmt: skip
OS_NUMBERS = {0: "android", 1: "ios", 2: "harmony"}
# The one id per system that the vendor's report requires, and its query. How the query is asked about HarmonyOS is not
# known, so it is not.
DEVICE_ID_FIELDS = {"android": "android_id", "ios": "idfv", "harmony": "oaid"}
QUERY_ID_FIELDS = {"android": "android_id", "ios": "idfv"}
# Ids that a device of this system cannot have.
FOREIGN_ID_FIELDS = {"android": ["idfv"], "ios": ["android_id"], "harmony": ["android_id", "idfv"]}
# `context.ad.match_type`, and the same in a monitor link of ours, where people may write other words.
MATCH_TYPES = {MatchType.CLICK: 0, MatchType.IMPRESSION: 1, MatchType.PLAY: 2}
LINK_MATCH_TYPES = {
    **{str(number): match_type for match_type, number in MATCH_TYPES.items()},
    **{match_type.value: match_type for match_type in MatchType},
    "show": MatchType.IMPRESSION,
    "view": MatchType.IMPRESSION,
    "effective_play": MatchType.PLAY,
}
# The device ids in its answers; other device ids have the same names as ours.
PERSONAL_FIELDS = frozenset({"adv_android_id", "adv_idfv", "odid"})
# Values of a monitor link's __OS__, and what makers of links write instead. Elsewhere in a link a zero means absent.
LINK_OS_WORDS = {
    "0": "android",
    "1": "ios",
    "2": "harmony",
    "3": "other",
    "iphone": "ios",
    "ipad": "ios",
    "ipados": "ios",
    "harmonyos": "harmony",
    "openharmony": "harmony",
    **{word: word for word in ("android", "ios", "harmony", "other")},
}
# Where its callback addresses are: `ad.toutiao.com/track/activate/`, `ad.oceanengine.com`, `analytics.oceanengine.com`.
CALLBACK_DOMAINS = ("oceanengine.com", "toutiao.com", "snssdk.com", "bytedance.com")
