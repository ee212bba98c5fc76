"""Ocean Engine's words and numbers, and ours for them."""

# Our events in the vendor's words. They are the same today; add a line for a new event.
EVENT_TYPES = {
    "active": "active",
    "active_register": "active_register",
    "active_pay": "active_pay",
    "next_day_open": "next_day_open",
    "game_addiction": "game_addiction",
}
# The numbers for events in the vendor's older conversion API; apps may still send these to us.
EVENT_NUMBERS = {0: "active", 1: "active_register", 2: "active_pay", 6: "next_day_open", 25: "game_addiction"}
OS_NUMBERS = {0: "android", 1: "ios"}
# The one id per system that the vendor's query and report require.
DEVICE_ID_FIELDS = {"android": "android_id", "ios": "idfv"}
# The device ids in its answers; other device ids have the same names as ours.
PERSONAL_FIELDS = frozenset({"adv_android_id", "adv_idfv", "odid"})
# Values of a monitor link's __OS__. Elsewhere in a link a zero means absent.
LINK_OS_WORDS = {
    "0": "android",
    "1": "ios",
    "2": "harmonyos",
    "3": "other",
    **{word: word for word in ("android", "ios", "harmonyos", "other")},
}
