"""The query of a monitor link as Ocean Engine would call it for a click of the demo."""

from datetime import datetime
from urllib.parse import urlencode

from attribution.devices import device_ids
from sandbox.demo.people import Tap
from sandbox.vendors import ads

MODELS = ["PHW110", "23127PN0CC", "V2309A", "ALN-AL00", "iPhone16,1"]
SITES = ["1", "10001", "30001", "900000000"]


def query_of(tap: Tap, *, at: datetime) -> str:
    """`at`: the time of the click."""
    number = len(tap.key) + sum(tap.key.encode())
    named = {name: value for name, value in ads.fields_of(tap.ad).items() if value}
    device_id = tap.user.device_id if tap.user else tap.key
    is_ios = tap.user is not None and tap.user.os == "ios"
    device = {"idfa": device_id} if is_ios else {"androidid": device_ids.md5_of(device_id)}
    return urlencode(
        {
            **named,
            **device,
            "os": "1" if is_ios else "0",
            "model": MODELS[-1] if is_ios else MODELS[number % 4],
            "ts": str(round(at.timestamp() * 1000)),
            "request_id": ads.request_id(tap.key),
            "callback_param": ads.callback_param(tap.ad.advertiser_id, device_id),
            "csite": SITES[number % len(SITES)],
            "ctype": str(2 + number % 4),
        }
    )
