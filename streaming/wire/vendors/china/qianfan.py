"""Qianfan."""

from streaming.wire.vendors.vendor import Vendor

VENDOR = Vendor(
    label="Qianfan",
    hosts=("baidubce.com",),
    names=("baidu", "ernie", "wenxin"),
)
