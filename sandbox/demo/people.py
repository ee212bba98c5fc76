"""The people of the demo and what they do: a plan, made by dice that fall the same way for the same day. No I/O.

Weekends and evenings are busy, some ads bring people who stay and others do not, and a third of the users come
without an ad.
"""

import random
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo

from sandbox.vendors import ads
from sandbox.vendors.ads import Ad

# How busy each hour of the day is, and each day of the week from Monday.
HOURS = [4, 2, 1, 1, 1, 2, 4, 7, 9, 9, 9, 10, 13, 12, 9, 9, 9, 10, 13, 16, 19, 20, 17, 10]
WEEKDAYS = [0.85, 0.8, 0.85, 0.95, 1.15, 1.4, 1.3]
ORGANIC_SHARE = 0.32
# Organic to the platform, but one of our clicks matches.
OWN_CLICK_SHARE = 0.05
CLICKS_PER_USER = 9
ANDROID_CHANNELS = ["huawei", "xiaomi", "oppo", "vivo", "tencent", "honor"]
IOS_CHANNEL = "App Store"
AMOUNTS_FEN = [600, 1200, 1800, 3000, 3000, 6800, 9800, 12800, 29800, 64800]
# The share of each advertiser's users who register, pay, come back, and show the key behaviour.
RATES = {
    1768433294857219: (0.62, 0.09, 0.41, 0.30),
    1791826603349003: (0.48, 0.17, 0.33, 0.22),
    1803550942617610: (0.35, 0.04, 0.19, 0.10),
}
ORGANIC_RATES = (0.70, 0.13, 0.46, 0.35)


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """`ad` None: came without an ad. `has_own_click`: only our own click tells which ad it was."""

    user_id: str
    os: str
    device_id: str
    channel: str
    activated_at: datetime
    ad: Ad | None
    has_own_click: bool

    @property
    def device(self) -> dict[str, str]:
        if self.os == "ios":
            return {"idfv": self.device_id, "idfa": self.device_id}
        return {"android_id": self.device_id}

    @property
    def touched_at(self) -> datetime:
        """When the ad was clicked."""
        return self.activated_at - timedelta(seconds=ads.seconds_since_touch(self.device_id))


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """What a user did; the words are those of the events API."""

    user: User
    event: str
    at: datetime
    amount_fen: int | None = None
    order: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tap:
    """A click on an ad. `user` None: it led to no activation."""

    ad: Ad
    at: datetime
    key: str
    user: User | None = None


def users_of(day: date, zone: tzinfo, *, about: int, run: str = "") -> list[User]:
    """The users activated on a day. A different `run` gives different people."""
    dice = random.Random(f"users {day} {run}")
    count = round(about * WEEKDAYS[day.weekday()] * dice.uniform(0.9, 1.1))
    return [_user(dice, f"d{day:%m%d}{run}-{number:03}", day, zone) for number in range(count)]


def deeds_of(user: User) -> list[Deed]:
    """All that a user ever does, in order of time."""
    dice = random.Random(f"deeds {user.user_id}")
    registers, pays, returns, counts = RATES.get(user.ad.advertiser_id, ORGANIC_RATES) if user.ad else ORGANIC_RATES
    begin = user.activated_at
    deeds = [("active", begin)]
    if dice.random() < registers:
        deeds.append(("active_register", begin + timedelta(seconds=dice.randint(20, 900))))
    if dice.random() < counts:
        deeds.append(("game_addiction", begin + timedelta(minutes=dice.randint(8, 240))))
    if dice.random() < returns:
        deeds.append(("next_day_open", _next_day(begin, dice)))
    found = [Deed(user=user, event=event, at=at) for event, at in deeds]
    if dice.random() < pays:
        found += _payments(user, dice)
    return sorted(found, key=lambda deed: deed.at)


def taps_of(users: Sequence[User], day: date, zone: tzinfo, *, run: str = "") -> list[Tap]:
    """The clicks of a day: those of its users, and the many that lead to nothing."""
    dice = random.Random(f"taps {day} {run}")
    mine = [Tap(ad=user.ad, at=user.touched_at, key=user.device_id, user=user) for user in users if user.ad]
    idle = []
    for number in range(CLICKS_PER_USER * len(mine)):
        key = f"tap-{day}{run}-{number}"
        idle.append(Tap(ad=ads.ad_of(key), at=moment(day, zone, dice), key=key))
    return sorted([*mine, *idle], key=lambda tap: tap.at)


def moment(day: date, zone: tzinfo, dice: random.Random) -> datetime:
    """A time of the day, more likely in the evening than at night."""
    [hour] = dice.choices(range(24), HOURS)
    return datetime.combine(day, time(hour, dice.randrange(60), dice.randrange(60)), tzinfo=zone)


def _user(dice: random.Random, user_id: str, day: date, zone: tzinfo) -> User:
    os = "ios" if dice.random() < 0.35 else "android"
    device_id = str(uuid.UUID(int=dice.getrandbits(128))).upper() if os == "ios" else f"{dice.getrandbits(64):016x}"
    kind = dice.random()
    is_unknown = kind < ORGANIC_SHARE + OWN_CLICK_SHARE
    if is_unknown:
        device_id = f"{ads.ORGANIC_PREFIX}-{device_id}"
    has_own_click = ORGANIC_SHARE <= kind < ORGANIC_SHARE + OWN_CLICK_SHARE
    return User(
        user_id=user_id,
        os=os,
        device_id=device_id,
        channel=IOS_CHANNEL if os == "ios" else dice.choice(ANDROID_CHANNELS),
        activated_at=moment(day, zone, dice),
        ad=ads.ad_of(device_id) if has_own_click or not is_unknown else None,
        has_own_click=has_own_click,
    )


def _next_day(begin: datetime, dice: random.Random) -> datetime:
    assert begin.tzinfo is not None  # noqa: S101 - for the type checker: `moment` sees to it
    return moment(begin.date() + timedelta(days=1), begin.tzinfo, dice)


def _payments(user: User, dice: random.Random) -> list[Deed]:
    """Most pay once and soon; some continue for days."""
    first = user.activated_at + timedelta(minutes=dice.randint(3, 600))
    later = [first + timedelta(hours=dice.randint(20, 260)) for _ in range(dice.choice([0, 0, 0, 1, 1, 2, 4]))]
    return [
        Deed(
            user=user, event="active_pay", at=at, amount_fen=dice.choice(AMOUNTS_FEN), order=f"{user.user_id}-{number}"
        )
        for number, at in enumerate([first, *later], 1)
    ]
