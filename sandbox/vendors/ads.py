"""The small world behind the fake Ocean Engine: which ad each device came from.

Nothing is stored: a device's ad follows from a hash of its id, and a callback names its own advertiser, so what an app
remembers stays valid when the sandbox starts again.
"""

import base64
import binascii
from dataclasses import asdict, dataclass, replace
from hashlib import blake2b

ORGANIC_PREFIX = "organic"
CALLBACK_PREFIX = "B."
CALLBACK_KEY = b"rivermouth sandbox"  # not a secret: it tells our callbacks from invented ones


@dataclass(frozen=True, slots=True, kw_only=True)
class Ad:
    """One ad under the names of the attribution answer: the old structure fills aid/cid/campaign, the new one
    project/promotion. Ids are 64-bit and beyond 2^53, where JavaScript's numbers are no longer exact."""

    advertiser_id: int
    campaign_id: int = 0
    campaign_name: str = ""
    aid: int = 0
    aid_name: str = ""
    cid: int = 0
    cid_name: str = ""
    project_id: int = 0
    project_name: str = ""
    promotion_id: int = 0
    promotion_name: str = ""


def _old(advertiser_id: int, campaign: tuple[int, str], ad: tuple[int, str], creative: tuple[int, str]) -> Ad:
    return Ad(
        advertiser_id=advertiser_id,
        campaign_id=campaign[0],
        campaign_name=campaign[1],
        aid=ad[0],
        aid_name=ad[1],
        cid=creative[0],
        cid_name=creative[1],
    )


def _new(advertiser_id: int, project: tuple[int, str], promotion: tuple[int, str]) -> Ad:
    return Ad(
        advertiser_id=advertiser_id,
        project_id=project[0],
        project_name=project[1],
        promotion_id=promotion[0],
        promotion_name=promotion[1],
    )


_HANGZHOU, _SHENZHEN, _CHENGDU = 1768433294857219, 1791826603349003, 1803550942617610
_STUDY = (7384520193847263251, "秋季拉新-学习助手")
_WRITER = (7391846620574918694, "写作助手-安卓-激活")
_COMPANION = (7402917365820461107, "聊天伙伴-双端-付费")
_IOS = (7402918840193625098, "Companion iOS - retention")
_CLASSIC = (7316620948571039795, "老账户-应用下载")

# In order of popularity.
ADS = (
    _new(_HANGZHOU, _STUDY, (7384521730958246963, "开学季竖版视频-01")),
    _new(_SHENZHEN, _COMPANION, (7402919957230841866, "深夜聊天-剧情短片")),
    _new(_HANGZHOU, _STUDY, (7384521730958246977, "作文讲解-真人口播")),
    _old(_CHENGDU, _CLASSIC, (7316621857302914066, "信息流-通投-安卓"), (7316622190485730354, "大图-一句话生成周报")),
    _new(_HANGZHOU, _WRITER, (7391847502938165299, "周报神器-办公室场景")),
    _new(_SHENZHEN, _IOS, (7402921046382957603, "Late-night talks, 15 s cut")),
    _old(_CHENGDU, _CLASSIC, (7316621857302914073, "激励视频-iOS"), (7316623048571920421, "横版视频-旅行规划")),
    _new(_SHENZHEN, _COMPANION, (7402919957230841891, "达人种草-混剪")),
    _new(_HANGZHOU, _WRITER, (7391847502938165312, "公文模板-图文")),
    _old(_CHENGDU, _CLASSIC, (7316624175039284281, "穿山甲-开屏"), (7316624920183756841, "开屏-品牌升级")),
)


def ad_of(device_id: str, advertiser_id: int | None = None) -> Ad:
    """The ad that this device came from, one of the advertiser's if its id is given (unknown ones run our ads)."""
    ads = [ad for ad in ADS if advertiser_id in (None, ad.advertiser_id)] or [
        replace(ad, advertiser_id=advertiser_id or 0) for ad in ADS
    ]
    first, second = _digest(device_id)[:2]
    # The product of two uniform numbers leans to zero: the first ads get most of the users, as in life.
    return ads[len(ads) * first * second >> 16]


def is_organic(device_id: str) -> bool:
    return device_id.lower().startswith(ORGANIC_PREFIX)


def fields_of(ad: Ad) -> dict[str, int | str]:
    return asdict(ad)


def request_id(device_id: str) -> str:
    """The id of the ad request that led to this device's click."""
    return _digest(device_id).hex()


def seconds_since_touch(device_id: str) -> int:
    """How long before the first launch the ad was clicked: from ten seconds to two days."""
    return 10 + int.from_bytes(_digest(device_id)[2:4]) ** 2 * 172_800 // (1 << 32)


def callback_param(advertiser_id: int, device_id: str, click: int = 1) -> str:
    """The callback that this device's conversions for this advertiser need, after its so many-th click."""
    payload = advertiser_id.to_bytes(8) + _digest(device_id if click == 1 else f"{device_id}#{click}")
    return CALLBACK_PREFIX + base64.urlsafe_b64encode(payload + _tag(payload)).decode().rstrip("=")


def advertiser_of(callback: str) -> int | None:
    """The advertiser that a callback belongs to, None when `callback_param()` did not make it."""
    encoded = callback.removeprefix(CALLBACK_PREFIX)
    try:
        decoded = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
    except (binascii.Error, ValueError):
        return None
    payload, tag = decoded[:-16], decoded[-16:]
    return int.from_bytes(payload[:8]) if len(payload) == 24 and tag == _tag(payload) else None


def advertiser_of_page(clickid: str) -> int:
    """The advertiser of a landing page's `clickid`. The vendor makes these; here any text is one."""
    return advertiser_of(clickid) or ad_of(clickid).advertiser_id


def _digest(device_id: str) -> bytes:
    return blake2b(device_id.encode(), digest_size=16).digest()


def _tag(payload: bytes) -> bytes:
    return blake2b(payload, digest_size=16, key=CALLBACK_KEY).digest()
