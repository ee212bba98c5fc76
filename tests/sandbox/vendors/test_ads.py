from collections import Counter

import pytest

from sandbox.vendors.ads import ADS, ad_of, advertiser_of, callback_param, is_organic, seconds_since_touch

MAX_SAFE_INTEGER = 2**53


def test_ids_are_exact_only_as_64_bit() -> None:
    ids = [each for ad in ADS for each in (ad.aid, ad.cid, ad.campaign_id, ad.project_id, ad.promotion_id) if each]

    assert len(ids) == 7 * 2 + 3 * 3
    assert MAX_SAFE_INTEGER < min(ids) < max(ids) < 2**63


def test_ads_have_one_structure_each() -> None:
    assert all(bool(ad.project_id and ad.promotion_id) is not bool(ad.campaign_id and ad.aid and ad.cid) for ad in ADS)
    assert len({ad.advertiser_id for ad in ADS}) == 3


def test_ad_of_a_device_is_always_the_same() -> None:
    assert ad_of("device") == ad_of("device")


def test_devices_spread_over_all_ads_with_favourites() -> None:
    counts = Counter(ad_of(f"device-{number}") for number in range(5_000))

    assert set(counts) == set(ADS)
    assert counts[ADS[0]] > 5 * counts[ADS[-1]]


def test_ad_of_an_advertiser_is_one_of_its_own() -> None:
    advertiser_id = ADS[0].advertiser_id

    assert {ad_of(f"device-{number}", advertiser_id).advertiser_id for number in range(100)} == {advertiser_id}
    assert ad_of("device", 42).advertiser_id == 42


@pytest.mark.parametrize(
    ("device_id", "organic"), [("organic-1", True), ("OrGaNic", True), ("inorganic", False), ("", False)]
)
def test_organic_ids_start_so(device_id: str, organic: bool) -> None:
    assert is_organic(device_id) is organic


def test_callback_tells_its_advertiser() -> None:
    assert advertiser_of(callback_param(1768433294857219, "device")) == 1768433294857219


@pytest.mark.parametrize("callback", ["", "B.", "B.AAAA", "invented", "数", callback_param(1, "device")[:-2] + "AA"])
def test_foreign_callback_has_no_advertiser(callback: str) -> None:
    assert advertiser_of(callback) is None


def test_touch_is_before_the_launch_within_two_days() -> None:
    seconds = [seconds_since_touch(f"device-{number}") for number in range(1_000)]

    assert 10 <= min(seconds) < 60
    assert 100_000 < max(seconds) <= 172_810
