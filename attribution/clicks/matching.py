"""Which of our clicks brought a device: a pure rule. No database, no clock, no Django.

1. A click wins over an effective play, and that over an impression (`MatchType`, in this order), each with a window of
   its own.
2. The kinds of ids are tried from the most to the least reliable (`Kind`, in this order).
3. Within one kind, the newest click inside the window wins. A click at the very moment of the activation, or exactly as
   old as the window, counts; a click after the activation never does.
4. IP and user agent are a guess, not an id: they are used only if the app allows it, with a shorter window.

A click shortly before the activation may have been injected by a fraudulent app that saw the installation begin. It is
flagged but still wins: whether to pay for it is the marketer's decision.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from attribution.devices.match_types import MatchType

# Measurement partners consider 3 to 10 s suspicious: nobody downloads and opens an app faster.
SUSPICIOUS_BELOW_S = 10
PROBABILISTIC_WINDOW = timedelta(hours=24)


class Kind(StrEnum):
    """What a click and a device can have in common, from the most to the least reliable."""

    OAID = "oaid"
    ANDROID_ID = "android_id"
    IMEI = "imei"
    IDFA = "idfa"
    CAID = "caid"
    IP_USER_AGENT = "ip_user_agent"


LABELS = {
    Kind.OAID: "OAID",
    Kind.ANDROID_ID: "Android id",
    Kind.IMEI: "IMEI",
    Kind.IDFA: "IDFA",
    Kind.CAID: "CAID",
    Kind.IP_USER_AGENT: "IP and user agent",
}


WORDS = {
    MatchType.CLICK: "a click",
    MatchType.PLAY: "an effective play",
    MatchType.IMPRESSION: "an impression",
}


class Miss(StrEnum):
    """Why no click matches."""

    NO_DEVICE_ID = "no_device_id"
    NO_CLICK = "no_click"
    CLICK_TOO_OLD = "click_too_old"
    CLICK_AFTER_ACTIVATION = "click_after_activation"


# An id can be written in several ways (md5 of upper or lower case, several CAID versions, an older key): each of its
# digests represents it, and one in common is enough.
Digests = Mapping[Kind, frozenset[bytes]]


@dataclass(frozen=True, slots=True)
class Device:
    """The digests of a device's ids. Kinds without an id are left out."""

    digests: Digests = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClickCandidate:
    click_id: int
    clicked_at: datetime
    digests: Digests
    match_type: MatchType = MatchType.CLICK


@dataclass(frozen=True, slots=True, kw_only=True)
class Windows:
    """How long before the activation a click counts (`ids`), a play, and an impression; those never if it is zero.

    `ip_user_agent`: the limit for a guess; None if the app does not allow it.
    """

    ids: timedelta
    plays: timedelta = timedelta()
    impressions: timedelta = timedelta()
    ip_user_agent: timedelta | None = None

    def of(self, kind: Kind, match_type: MatchType = MatchType.CLICK) -> timedelta | None:
        """None: such a match does not count."""
        by_id = {MatchType.PLAY: self.plays or None, MatchType.IMPRESSION: self.impressions or None}
        window = by_id.get(match_type, self.ids)
        if kind is not Kind.IP_USER_AGENT or window is None:
            return window
        if self.ip_user_agent is None or match_type is MatchType.CLICK:
            return self.ip_user_agent
        return min(window, self.ip_user_agent)


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """`click_id` None: no click. `reason`: a value of `Kind` or `Miss`; `detail`: the reason as a sentence."""

    click_id: int | None
    reason: str
    detail: str
    clicked_at: datetime | None = None
    click_to_install_s: int | None = None
    is_suspicious: bool = False


def match(device: Device, clicks: Iterable[ClickCandidate], *, activated_at: datetime, windows: Windows) -> Match:
    """The click that brought the device, or why there is none."""
    kinds = [kind for kind in Kind if device.digests.get(kind) and windows.of(kind) is not None]
    if not kinds:
        return _miss(Miss.NO_DEVICE_ID, "The event has no device id that a click could also have")
    clicks = list(clicks)
    for match_type in MatchType:
        of_type = [click for click in clicks if click.match_type is match_type]
        for kind in kinds:
            window = windows.of(kind, match_type)
            shared = [click for click in of_type if window is not None and _has_in_common(device, click, kind)]
            click = _newest_in_window(shared, activated_at, window or timedelta())
            if click is not None:
                return _hit(kind, click, activated_at)
    clicks = [click for click in clicks if click.match_type is MatchType.CLICK]
    misses = [(kind, click) for kind in kinds for click in clicks if _has_in_common(device, click, kind)]
    return _why_not(misses, kinds, activated_at, windows)


def _has_in_common(device: Device, click: ClickCandidate, kind: Kind) -> bool:
    return not device.digests[kind].isdisjoint(click.digests.get(kind, ()))


def _newest_in_window(clicks: list[ClickCandidate], activated_at: datetime, window: timedelta) -> ClickCandidate | None:
    in_window = [click for click in clicks if timedelta() <= activated_at - click.clicked_at <= window]
    # The id decides between two simultaneous clicks, so that the answer does not depend on the order of rows.
    return max(in_window, key=lambda click: (click.clicked_at, click.click_id), default=None)


def _hit(kind: Kind, click: ClickCandidate, activated_at: datetime) -> Match:
    lag = activated_at - click.clicked_at
    is_suspicious = lag < timedelta(seconds=SUSPICIOUS_BELOW_S)
    detail = f"same {LABELS[kind]} as {WORDS[click.match_type]} {_span(lag)} before the activation"
    return Match(
        click_id=click.click_id,
        reason=kind.value,
        detail=f"{detail}: suspiciously short" if is_suspicious else detail,
        clicked_at=click.clicked_at,
        click_to_install_s=int(lag.total_seconds()),
        is_suspicious=is_suspicious,
    )


def _why_not(
    misses: list[tuple[Kind, ClickCandidate]], kinds: list[Kind], activated_at: datetime, windows: Windows
) -> Match:
    """The nearest miss: the newest click that was too early, else one that was too late, else no click at all."""
    too_old = [(kind, click) for kind, click in misses if click.clicked_at <= activated_at]
    if too_old:
        kind, click = max(too_old, key=lambda miss: miss[1].clicked_at)
        age, window = _span(activated_at - click.clicked_at), _span(windows.of(kind) or timedelta())
        return _miss(
            Miss.CLICK_TOO_OLD,
            f"The newest click with the same {LABELS[kind]} was {age} before the activation; the window is {window}",
        )
    if misses:
        kind, click = min(misses, key=lambda miss: miss[1].clicked_at)
        lateness = _span(click.clicked_at - activated_at)
        return _miss(
            Miss.CLICK_AFTER_ACTIVATION,
            f"The click with the same {LABELS[kind]} came {lateness} after the activation",
        )
    return _miss(Miss.NO_CLICK, f"No click has the same {' or '.join(LABELS[kind] for kind in kinds)}")


def _miss(reason: Miss, detail: str) -> Match:
    return Match(click_id=None, reason=reason.value, detail=detail)


def _span(length: timedelta) -> str:
    """The two largest units: `7 d`, `3 h 12 min`, `8 s`."""
    total_s = int(length.total_seconds())
    units = {"d": total_s // 86_400, "h": total_s // 3600 % 24, "min": total_s // 60 % 60, "s": total_s % 60}
    return " ".join([f"{count} {unit}" for unit, count in units.items() if count][:2]) or "0 s"
