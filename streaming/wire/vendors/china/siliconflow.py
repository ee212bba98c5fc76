"""SiliconFlow."""

from streaming.wire.vendors.vendor import Vendor

VENDOR = Vendor(
    label="SiliconFlow",
    hosts=("siliconflow.cn", "siliconflow.com"),
    names=("siliconcloud",),
)
