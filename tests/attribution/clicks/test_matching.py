from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attribution.clicks.matching import ClickCandidate, Device, Kind, Match, Windows, match
from attribution.devices.match_types import MatchType

SUREST_FIRST = ["oaid", "android_id", "imei", "idfa", "caid", "ip_user_agent"]
ACTIVATED_AT = datetime(2026, 11, 23, 12, tzinfo=UTC)
IDS_ONLY = Windows(ids=timedelta(days=7))
WITH_GUESS = Windows(ids=timedelta(days=7), ip_user_agent=timedelta(hours=24))


WITH_VIEWS = Windows(
    ids=timedelta(days=7), plays=timedelta(hours=48), impressions=timedelta(hours=12), ip_user_agent=timedelta(hours=24)
)


def device(**ids: str) -> Device:
    return Device(digests(ids))


def click(click_id: int, before: timedelta, **ids: str) -> ClickCandidate:
    return ClickCandidate(click_id=click_id, clicked_at=ACTIVATED_AT - before, digests=digests(ids))


def view(match_type: MatchType, click_id: int, before: timedelta, **ids: str) -> ClickCandidate:
    clicked_at = ACTIVATED_AT - before
    return ClickCandidate(click_id=click_id, clicked_at=clicked_at, digests=digests(ids), match_type=match_type)


def digests(ids: dict[str, str]) -> dict[Kind, frozenset[bytes]]:
    return {Kind(name): frozenset(value.encode().split()) for name, value in ids.items()}


def hours(count: float) -> timedelta:
    return timedelta(hours=count)


@pytest.mark.parametrize(
    ("of_device", "clicks", "windows", "winner", "reason"),
    [
        pytest.param(device(oaid="a"), [click(1, hours(1), oaid="a")], IDS_ONLY, 1, "oaid", id="one click"),
        pytest.param(
            device(oaid="a"),
            [click(1, hours(5), oaid="a"), click(2, hours(1), oaid="a"), click(3, hours(3), oaid="a")],
            IDS_ONLY,
            2,
            "oaid",
            id="the newest wins",
        ),
        pytest.param(
            device(oaid="a"),
            [click(2, hours(1), oaid="a"), click(1, hours(1), oaid="a")],
            IDS_ONLY,
            2,
            "oaid",
            id="of one moment, the last stored wins",
        ),
        pytest.param(
            device(oaid="a", android_id="b", imei="c", idfa="d", caid="e", ip_user_agent="f"),
            [
                click(1, hours(6), oaid="a"),
                click(2, hours(5), android_id="b"),
                click(3, hours(4), imei="c"),
                click(4, hours(3), idfa="d"),
                click(5, hours(2), caid="e"),
                click(6, hours(1), ip_user_agent="f"),
            ],
            WITH_GUESS,
            1,
            "oaid",
            id="the surest kind wins over newer clicks",
        ),
        *[
            pytest.param(
                device(**dict.fromkeys(kinds, "a")),
                [click(position, hours(9 - position), **{kind: "a"}) for position, kind in enumerate(kinds)],
                WITH_GUESS,
                0,
                kinds[0],
                id=f"{kinds[0]} before {kinds[1]}",
            )
            for kinds in pairwise(SUREST_FIRST)
        ],
        pytest.param(
            device(oaid="a", android_id="b"),
            [click(1, hours(24 * 8), oaid="a"), click(2, hours(1), android_id="b")],
            IDS_ONLY,
            2,
            "android_id",
            id="a weaker kind, where the surer one is too old",
        ),
        pytest.param(device(caid="a b"), [click(1, hours(1), caid="b c")], IDS_ONLY, 1, "caid", id="one of several"),
        pytest.param(
            device(oaid="a"), [click(1, hours(24 * 7), oaid="a")], IDS_ONLY, 1, "oaid", id="as old as the window"
        ),
        pytest.param(device(oaid="a"), [click(1, hours(0), oaid="a")], IDS_ONLY, 1, "oaid", id="at the same moment"),
        pytest.param(
            device(ip_user_agent="a"),
            [click(1, hours(24), ip_user_agent="a")],
            WITH_GUESS,
            1,
            "ip_user_agent",
            id="a guess inside a day",
        ),
        pytest.param(
            device(ip_user_agent="a"),
            [click(1, hours(24.01), ip_user_agent="a")],
            WITH_GUESS,
            None,
            "click_too_old",
            id="a guess after a day",
        ),
        pytest.param(
            device(oaid="x", ip_user_agent="a"),
            [click(1, hours(1), ip_user_agent="a")],
            IDS_ONLY,
            None,
            "no_click",
            id="a guess that the app does not allow",
        ),
        pytest.param(
            device(ip_user_agent="a"),
            [click(1, hours(1), ip_user_agent="a")],
            IDS_ONLY,
            None,
            "no_device_id",
            id="nothing but a guess that is not allowed",
        ),
        pytest.param(device(), [click(1, hours(1), oaid="a")], WITH_GUESS, None, "no_device_id", id="no id"),
        pytest.param(device(oaid=""), [click(1, hours(1), oaid="")], IDS_ONLY, None, "no_device_id", id="empty ids"),
        pytest.param(device(oaid="a"), [], IDS_ONLY, None, "no_click", id="no click"),
        pytest.param(device(oaid="a"), [click(1, hours(1), oaid="b")], IDS_ONLY, None, "no_click", id="another device"),
        pytest.param(
            device(oaid="a"),
            [click(1, hours(1), imei="a")],
            IDS_ONLY,
            None,
            "no_click",
            id="the same under another kind",
        ),
        pytest.param(
            device(oaid="a"), [click(1, hours(24 * 7 + 1), oaid="a")], IDS_ONLY, None, "click_too_old", id="too old"
        ),
        pytest.param(
            device(oaid="a"),
            [click(1, -timedelta(seconds=1), oaid="a")],
            IDS_ONLY,
            None,
            "click_after_activation",
            id="after the activation",
        ),
        pytest.param(
            device(oaid="a"),
            [click(1, hours(-1), oaid="a"), click(2, hours(2), oaid="a")],
            IDS_ONLY,
            2,
            "oaid",
            id="the newest before the activation",
        ),
    ],
)
def test_match(
    of_device: Device, clicks: list[ClickCandidate], windows: Windows, winner: int | None, reason: str
) -> None:
    found = match(of_device, clicks, activated_at=ACTIVATED_AT, windows=windows)

    assert (found.click_id, found.reason) == (winner, reason)


@pytest.mark.parametrize(
    ("clicks", "windows", "winner", "reason"),
    [
        pytest.param([view(MatchType.IMPRESSION, 1, hours(1), oaid="a")], WITH_VIEWS, 1, "oaid", id="an impression"),
        pytest.param(
            [view(MatchType.IMPRESSION, 1, hours(1), oaid="a"), click(2, hours(24 * 6), oaid="a")],
            WITH_VIEWS,
            2,
            "oaid",
            id="a click wins over a newer impression",
        ),
        pytest.param(
            [view(MatchType.IMPRESSION, 1, hours(1), oaid="a"), view(MatchType.PLAY, 2, hours(40), oaid="a")],
            WITH_VIEWS,
            2,
            "oaid",
            id="a play wins over a newer impression",
        ),
        pytest.param(
            [view(MatchType.PLAY, 1, hours(1), oaid="a"), click(2, hours(3), ip_user_agent="b")],
            WITH_VIEWS,
            2,
            "ip_user_agent",
            id="a guessed click wins over a surer play",
        ),
        pytest.param(
            [view(MatchType.IMPRESSION, 1, hours(13), oaid="a"), view(MatchType.PLAY, 2, hours(49), oaid="a")],
            WITH_VIEWS,
            None,
            "no_click",
            id="windows of their own",
        ),
        pytest.param(
            [
                view(MatchType.IMPRESSION, 1, hours(13), ip_user_agent="b"),
                view(MatchType.PLAY, 2, hours(25), ip_user_agent="b"),
            ],
            WITH_VIEWS,
            None,
            "no_click",
            id="a guess has the shorter window",
        ),
        pytest.param(
            [view(MatchType.PLAY, 2, hours(23), ip_user_agent="b")], WITH_VIEWS, 2, "ip_user_agent", id="a guessed play"
        ),
        pytest.param(
            [view(MatchType.IMPRESSION, 1, hours(0), oaid="a"), view(MatchType.PLAY, 2, hours(0), oaid="a")],
            IDS_ONLY,
            None,
            "no_click",
            id="never without a window",
        ),
        pytest.param(
            [view(MatchType.IMPRESSION, 1, hours(13), oaid="a"), click(2, hours(24 * 8), oaid="a")],
            WITH_VIEWS,
            None,
            "click_too_old",
            id="a miss is explained by clicks",
        ),
    ],
)
def test_match_of_views(clicks: list[ClickCandidate], windows: Windows, winner: int | None, reason: str) -> None:
    found = match(device(oaid="a", ip_user_agent="b"), clicks, activated_at=ACTIVATED_AT, windows=windows)

    assert (found.click_id, found.reason) == (winner, reason)


@pytest.mark.parametrize(
    ("of_device", "clicks", "detail"),
    [
        (
            device(oaid="a"),
            [click(1, hours(3.2), oaid="a")],
            "same OAID as a click 3 h 12 min before the activation",
        ),
        (
            device(oaid="a"),
            [click(1, timedelta(seconds=8), oaid="a")],
            "same OAID as a click 8 s before the activation: suspiciously short",
        ),
        (
            device(imei="a", oaid="b"),
            [click(1, hours(24 * 20), oaid="b"), click(2, hours(24 * 9 + 3), imei="a"), click(3, hours(-1), imei="a")],
            "The newest click with the same IMEI was 9 d 3 h before the activation; the window is 7 d",
        ),
        (
            device(android_id="a"),
            [click(1, hours(-2), android_id="a"), click(2, hours(-1), android_id="a")],
            "The click with the same Android id came 1 h after the activation",
        ),
        (device(oaid="a", caid="b"), [], "No click has the same OAID or CAID"),
        (device(), [], "The event has no device id that a click could also have"),
    ],
)
def test_match_explains_itself(of_device: Device, clicks: list[ClickCandidate], detail: str) -> None:
    found = match(of_device, clicks, activated_at=ACTIVATED_AT, windows=IDS_ONLY)

    assert found.detail == detail


@pytest.mark.parametrize(("lag_s", "is_suspicious"), [(0, True), (9.999, True), (10, False), (3600, False)])
def test_match_flags_clicks_shortly_before(lag_s: float, is_suspicious: bool) -> None:
    found = match(
        device(oaid="a"),
        [click(1, timedelta(seconds=lag_s), oaid="a")],
        activated_at=ACTIVATED_AT,
        windows=IDS_ONLY,
    )

    assert (found.click_id, found.click_to_install_s, found.is_suspicious) == (1, int(lag_s), is_suspicious)


some_digests = st.dictionaries(st.sampled_from(Kind), st.frozensets(st.sampled_from([b"a", b"b", b"c"])))
some_clicks = st.lists(
    st.builds(
        ClickCandidate,
        click_id=st.integers(1, 9),
        clicked_at=st.integers(-3, 12).map(lambda days: ACTIVATED_AT - timedelta(days=days)),
        digests=some_digests,
    )
)
some_windows = st.builds(
    Windows,
    ids=st.integers(1, 30).map(lambda days: timedelta(days=days)),
    ip_user_agent=st.none() | st.just(timedelta(hours=24)),
)


@given(st.builds(Device, some_digests), some_clicks, some_windows)
def test_match_keeps_its_rules(of_device: Device, clicks: list[ClickCandidate], windows: Windows) -> None:
    found = match(of_device, clicks, activated_at=ACTIVATED_AT, windows=windows)

    allowed = {kind: list(eligible(of_device, clicks, windows, kind)) for kind in Kind}
    if found.click_id is None:
        assert allowed == {kind: [] for kind in Kind}
        return
    kind = Kind(found.reason)
    assert all(not allowed[surer] for surer in list(Kind)[: list(Kind).index(kind)])
    assert found.clicked_at == max(click.clicked_at for click in allowed[kind])
    assert found.click_id in {click.click_id for click in allowed[kind] if click.clicked_at == found.clicked_at}


@given(st.builds(Device, some_digests), some_clicks, some_windows, st.randoms())
def test_match_does_not_depend_on_the_order(
    of_device: Device, clicks: list[ClickCandidate], windows: Windows, random: Random
) -> None:
    shuffled = random.sample(clicks, len(clicks))

    def result(rows: Iterable[ClickCandidate]) -> tuple[int | None, str]:
        found: Match = match(of_device, rows, activated_at=ACTIVATED_AT, windows=windows)
        return found.click_id, found.reason

    assert result(shuffled) == result(clicks)


def eligible(of_device: Device, clicks: list[ClickCandidate], windows: Windows, kind: Kind) -> Iterable[ClickCandidate]:
    """The rule again, in its plainest form."""
    window = windows.ip_user_agent if kind is Kind.IP_USER_AGENT else windows.ids
    for each in clicks:
        shared = of_device.digests.get(kind, frozenset()) & each.digests.get(kind, frozenset())
        if window and shared and ACTIVATED_AT - window <= each.clicked_at <= ACTIVATED_AT:
            yield each
