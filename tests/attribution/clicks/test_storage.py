from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest
from cryptography.fernet import Fernet
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytest_django import DjangoAssertNumQueries, Settings

from attribution.clicks import storage
from attribution.clicks.matching import Match
from attribution.clicks.storage import Activation, NewClick
from attribution.devices import device_ids
from attribution.models import App, Click, ClickKey
from attribution.platforms.oceanengine import ads, clicks, link_names

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
ANDROID = {"oaid": "5f3d8c1e-7b2a-4d9f", "android_id": "89aaa371d65a588b", "imei": "868027010000001"}
CAID, OTHER_CAID = "0123456789abcdef0123456789abcdef", "f" * 32
CAID_MD5 = device_ids.md5_of(CAID)
WEB_VIEW = "Mozilla/5.0 (Linux; Android 13; M2012K11AC Build/TKQ1; wv) AppleWebKit/537.36"
DALVIK = "Dalvik/2.1.0 (Linux; U; Android 13; M2012K11AC Build/TKQ1)"


SAME_NAMES = [
    "clicked_at", "match_type", "request_id", "track_id", "os", "device_model", "callback_url", "material", "oddities",
]  # fmt: skip


@pytest.fixture
def app() -> App:
    return App.objects.create(slug="demo")


def store(
    app: App,
    parameters: Mapping[str, object],
    *,
    ago: timedelta = timedelta(hours=1),
    platform: str = "oceanengine",
) -> None:
    query = urlencode({"callback_param": "B.abc", **parameters})
    said = msgspec.structs.replace(clicks.read(query, received_at=NOW), clicked_at=NOW - ago)
    storage.store([NewClick(app.pk, platform, NOW, query, said)])


def new_click(app: App, query: str) -> NewClick:
    return NewClick(app.pk, "oceanengine", NOW, query, clicks.read(query, received_at=NOW))


def find(app: App, ids: Mapping[str, str], *, ip: str = "", user_agent: str = "", activated_at: datetime) -> Match:
    [match] = storage.find([Activation(app=app, ids=ids, ip=ip, user_agent=user_agent, at=activated_at)])
    return match


def test_store_keeps_every_field(app: App) -> None:
    md5 = device_ids.md5_of("a")
    query = urlencode(
        {
            **dict.fromkeys(["advertiser_id", *ads.ID_FIELDS], 7384520193847263251),
            **{name: f'"{name}" 学习\\助手' for name in ads.NAME_FIELDS},
            **{name: name for name in clicks.MATERIAL_FIELDS},
            "oaid": "a1b2",
            "androidid": md5,
            "imei": md5,
            "idfa": "AEBE52E7",
            "caid": f'[{{"caid_md5":"{md5}"}}]',
            "ip": "10.0.0.1",
            "ipv6": "2001:db8::1",
            "ua": WEB_VIEW,
            "os": "2",
            "model": "M",
            "ts": "1795430400123",
            "request_id": "r",
            "track_id": "t",
            "callback_param": "c",
            "callback_url": "http://u",
            "mac": "m",
        }
    )
    click = new_click(app, query)

    storage.store([click])

    stored = {name: plain(value) for name, value in Click.objects.values().get().items()}
    said, digest = click.said, device_ids.digest(md5)
    assert device_ids.decrypt(stored["raw"]) == query
    assert stored == {
        **{name: getattr(said.ad, name) for name in said.ad.__struct_fields__},
        **{name: getattr(said, name) for name in SAME_NAMES},
        "id": stored["id"],
        "app_id": app.pk,
        "platform": "oceanengine",
        "received_at": NOW,
        "oaid_digest": device_ids.digest(device_ids.md5_of("a1b2")),
        "android_id_digest": digest,
        "imei_digest": digest,
        "idfa_digest": device_ids.digest(device_ids.md5_of("AEBE52E7")),
        "caid_digests": [digest],
        "ip_ua_digest": device_ids.digest("10.0.0.1\nandroid 13|m2012k11ac"),
        "ipv6_ua_digest": device_ids.digest("2001:db8::/64\nandroid 13|m2012k11ac"),
        "callback_param": "c",
        "raw": stored["raw"],
    }
    assert all(value not in (None, "", [], {}) for name, value in stored.items() if name != "oddities")


@pytest.mark.parametrize(
    ("first", "second", "is_repeat"),
    [
        ({"track_id": "t1"}, {"track_id": "t1"}, True),
        ({"track_id": "t1", "request_id": "r1"}, {"track_id": "t2", "request_id": "r1"}, False),
        ({"track_id": "t1", "request_id": "r1"}, {"track_id": "t1", "request_id": "r2"}, True),
        ({"track_id": "t1", "aid": 1}, {"track_id": "t1", "aid": 2}, True),
        ({"request_id": "r1"}, {"request_id": "r1"}, True),
        ({"request_id": "r1", "cid": 1, "aid": 1}, {"request_id": "r1", "cid": 1, "aid": 1}, True),
        ({"request_id": "r1", "cid": 1, "aid": 1}, {"request_id": "r1", "cid": 2, "aid": 1}, False),
        ({"request_id": "r1", "promotion_id": 1}, {"request_id": "r1", "promotion_id": 2}, False),
        ({"request_id": "r1", "advertiser_id": 1}, {"request_id": "r1", "advertiser_id": 2}, False),
        ({"request_id": "r1", "aid": 1}, {"request_id": "r1", "campaign_id": 1}, False),
        ({"track_id": "t1"}, {"request_id": "t1"}, False),
        ({"track_id": "__TRACK_ID__", "request_id": "r1"}, {"track_id": "__TRACK_ID__", "request_id": "r2"}, False),
        ({"track_id": "t1"}, {"track_id": "t1", "match_type": "impression"}, False),
        ({"track_id": "t1", "match_type": "play"}, {"track_id": "t1", "match_type": "impression"}, False),
        ({"track_id": "t1", "match_type": "play"}, {"track_id": "t1", "match_type": "2"}, True),
        ({}, {}, False),
    ],
)
@pytest.mark.parametrize("is_one_batch", [True, False])
def test_store_drops_repeats_of_a_click(
    app: App, first: dict[str, object], second: dict[str, object], is_repeat: bool, is_one_batch: bool
) -> None:
    clicks = [new_click(app, urlencode(each)) for each in (first, second)]

    for batch in [clicks] if is_one_batch else [[click] for click in clicks]:
        storage.store(batch)

    assert Click.objects.count() == (1 if is_repeat else 2)


def test_store_keeps_the_first_of_repeats(app: App) -> None:
    storage.store([new_click(app, f"track_id=t1&aid={aid}") for aid in (1, 2)])
    storage.store([new_click(app, "track_id=t1&aid=3")])

    assert Click.objects.get().ad_id == 1


def test_store_tells_clicks_of_apps_and_platforms_apart(app: App) -> None:
    store(app, {"track_id": "t1"})
    store(App.objects.create(slug="other"), {"track_id": "t1"})
    store(app, {"track_id": "t1"}, platform="another")

    assert (Click.objects.count(), ClickKey.objects.count()) == (3, 3)


names = st.sampled_from([*link_names.NAMES, "other"]) | st.text(max_size=5)
values = (
    st.text(max_size=300)
    | st.integers().map(str)
    | st.sampled_from(["__X__", "%00", "%", "%ff", "[[", '{"caid":[]}', "::1", "9" * 400, "1795430400123"])
)
queries = st.lists(st.tuples(names, values).map("=".join)).map("&".join)


@given(st.lists(queries, min_size=1, max_size=20))
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_store_takes_whatever_was_parsed(app: App, batch: list[str]) -> None:
    Click.objects.all().delete()

    storage.store([new_click(app, query) for query in batch])

    assert 1 <= Click.objects.count() <= len(batch)


@pytest.mark.parametrize(
    ("clicked", "ids", "reason"),
    [
        ({"oaid": ANDROID["oaid"]}, ANDROID, "oaid"),
        ({"oaid": ANDROID["oaid"].upper()}, ANDROID, "oaid"),
        ({"oaid_md5": device_ids.md5_of(ANDROID["oaid"])}, ANDROID, "oaid"),
        ({"androidid": device_ids.md5_of(ANDROID["android_id"])}, ANDROID, "android_id"),
        ({"imei": device_ids.md5_of(ANDROID["imei"])}, ANDROID, "imei"),
        ({"imei": device_ids.md5_of("868027010000001")}, {"imei": device_ids.md5_of("868027010000001")}, "imei"),
        ({"idfa": "AEBE52E7-03EE-455A"}, {"idfa": "aebe52e7-03ee-455a"}, "idfa"),
        ({"idfa_md5": device_ids.md5_of("AEBE52E7-03EE-455A")}, {"idfa": "aebe52e7-03ee-455a"}, "idfa"),
        ({"caid": '[{"caid":"c1"},{"caid":"c2"}]'}, {"caid": "c2"}, "caid"),
        ({"caid": f'[{{"caid_md5":"{device_ids.md5_of("c2")}"}}]'}, {"caid": '[{"caid":"c2"}]'}, "caid"),
        ({"caid": f'[{{"caid_md5":"{device_ids.md5_of("c2")}"}}]'}, {"caid": "20230330_c2"}, "caid"),
        ({"caid": f'[{{"caid_md5":"{CAID_MD5}","version":"20230330"}}]'}, {"caid": f"20230330_{CAID}"}, "caid"),
        ({"caid": f"20230330_{CAID},20260506_{OTHER_CAID}"}, {"caid": f'["20260506_{OTHER_CAID}"]'}, "caid"),
        ({"caid_md5": CAID_MD5}, {"caid": f'[{{"version_id":"20230330","caid":"{CAID}"}}]'}, "caid"),
    ],
)
def test_find_by_each_id(app: App, clicked: dict[str, str], ids: dict[str, str], reason: str) -> None:
    store(app, clicked)

    found = find(app, ids, activated_at=NOW)

    assert (found.click_id, found.reason, found.click_to_install_s) == (Click.objects.get().pk, reason, 3600)


@pytest.mark.parametrize(
    ("clicked", "ip"),
    [
        ({"ip": "203.0.113.7"}, "203.0.113.7"),
        ({"ip": "203.0.113.7"}, "::ffff:203.0.113.7"),
        ({"ip": "203.0.113.9", "ipv6": "2001:DB8::1"}, "2001:db8:0::1"),
        ({"ip": "2001:db8::1"}, "2001:db8::1"),
        ({"ip": "2001:db8::1"}, "2001:db8::dead:beef"),
    ],
)
def test_find_by_ip_and_user_agent(app: App, clicked: dict[str, str], ip: str) -> None:
    app.matches_by_network = True
    store(app, {"ua": WEB_VIEW, **clicked})

    found = find(app, {}, ip=ip, user_agent=DALVIK, activated_at=NOW)

    assert (found.click_id, found.reason) == (Click.objects.get().pk, "ip_user_agent")


def test_find_by_ip_and_user_agent_of_an_iphone(app: App) -> None:
    app.matches_by_network = True
    safari = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 Version/26.1 Safari/604.1"
    store(app, {"ua": safari, "ip": "2001:db8::1", "os": "1"})

    found = find(app, {}, ip="2001:db8::2", user_agent="App/3 CFNetwork/3860.100.1 Darwin/25.0.0", activated_at=NOW)
    older = find(app, {}, ip="2001:db8::2", user_agent="App/3 CFNetwork/1485 Darwin/23.1.0", activated_at=NOW)

    assert (found.click_id, found.reason) == (Click.objects.get().pk, "ip_user_agent")
    assert (older.click_id, older.reason) == (None, "no_click")


def test_find_by_ip_and_user_agent_only_where_allowed(app: App) -> None:
    store(app, {"ua": WEB_VIEW, "ip": "203.0.113.7"})

    found = find(app, ANDROID, ip="203.0.113.7", user_agent=WEB_VIEW, activated_at=NOW)

    assert (found.click_id, found.reason) == (None, "no_click")


@pytest.mark.parametrize(
    ("clicked", "ids"),
    [
        ({"oaid": "__OAID__"}, {"oaid": "__OAID__"}),
        ({"oaid": "00000000-0000-0000-0000-000000000000"}, {"oaid": "00000000-0000-0000-0000-000000000000"}),
        ({"androidid": device_ids.md5_of("9774d56d682e549c")}, {"android_id": "9774d56d682e549c"}),
        ({"idfa_md5": "9f89c84a559f573636a47ff8daed0d33"}, {"idfa": "00000000-0000-0000-0000-000000000000"}),
        ({"caid": "[]"}, {"caid": ""}),
    ],
)
def test_find_never_by_absent_ids(app: App, clicked: dict[str, str], ids: dict[str, str]) -> None:
    store(app, clicked)

    found = find(app, ids, activated_at=NOW)

    assert (found.click_id, found.reason) == (None, "no_device_id")


def test_find_takes_the_newest_before_the_activation(app: App) -> None:
    for ago_h in (50, 2, 30, -1):
        store(app, {"oaid": ANDROID["oaid"]}, ago=timedelta(hours=ago_h))

    found = find(app, ANDROID, activated_at=NOW)

    assert found.clicked_at == NOW - timedelta(hours=2)


@pytest.mark.parametrize(
    ("ago", "reason"),
    [(timedelta(days=3, seconds=1), "click_too_old"), (timedelta(seconds=-1), "click_after_activation")],
)
def test_find_explains_a_miss(app: App, ago: timedelta, reason: str) -> None:
    app.click_window_days = 3
    store(app, {"oaid": ANDROID["oaid"]}, ago=ago)

    found = find(app, ANDROID, activated_at=NOW)

    assert (found.click_id, found.reason) == (None, reason)


def test_find_leaves_out_other_apps_and_clicks_without_callback(app: App) -> None:
    store(App.objects.create(slug="other"), {"oaid": ANDROID["oaid"]})
    store(app, {"oaid": ANDROID["oaid"], "callback_param": ""})

    found = find(app, ANDROID, activated_at=NOW)

    assert (found.click_id, found.reason) == (None, "no_click")


def test_find_a_view_where_no_click_is(app: App) -> None:
    for match_type, ago_h in [("impression", 1), ("play", 20), ("play", 22)]:
        store(app, {"oaid": ANDROID["oaid"], "match_type": match_type}, ago=timedelta(hours=ago_h))

    found = find(app, ANDROID, activated_at=NOW)
    app.play_window_hours = 19
    without_play = find(app, ANDROID, activated_at=NOW)
    app.impression_window_hours = 0
    without_views = find(app, ANDROID, activated_at=NOW)
    store(app, {"oaid": ANDROID["oaid"]}, ago=timedelta(days=6))
    with_click = find(app, ANDROID, activated_at=NOW)

    assert [each.click_to_install_s for each in (found, without_play, with_click)] == [72_000, 3600, 6 * 86_400]
    assert found.detail == "same OAID as an effective play 20 h before the activation"
    assert (without_views.click_id, without_views.reason) == (None, "no_click")


def test_find_after_the_key_was_rotated(app: App, settings: Settings) -> None:
    store(app, {"oaid": ANDROID["oaid"]})
    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode(), *settings.FIELD_ENCRYPTION_KEYS]

    found = find(app, ANDROID, activated_at=NOW)

    assert found.reason == "oaid"


def test_find_takes_one_query(app: App, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    app.matches_by_network = True
    ids = {**ANDROID, "idfa": "AEBE52E7", "caid": "c1"}

    with django_assert_num_queries(1):
        find(app, ids, ip="203.0.113.7", user_agent=WEB_VIEW, activated_at=NOW)
    with django_assert_num_queries(0):
        find(app, {}, activated_at=NOW)


def plain(value: Any) -> Any:
    """The bytes of a `memoryview`, the type in which the database returns digests."""
    if isinstance(value, list):
        return [plain(item) for item in value]
    return bytes(value) if isinstance(value, memoryview) else value


def test_find_answers_for_each_of_many_in_one_query(
    app: App, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(3):
        store(app, {"oaid": f"oaid-{number}"})
    wanted = [f"oaid-{number}" for number in (2, 9, 0)]

    with django_assert_num_queries(1):
        found = storage.find([Activation(app=app, ids={"oaid": oaid}, at=NOW) for oaid in wanted])

    ids = list(Click.objects.order_by("id").values_list("id", flat=True))
    assert [(match.click_id, match.reason) for match in found] == [
        (ids[2], "oaid"),
        (None, "no_click"),
        (ids[0], "oaid"),
    ]
