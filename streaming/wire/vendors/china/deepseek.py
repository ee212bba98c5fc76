"""DeepSeek."""

from streaming.wire.vendors.vendor import Vendor

VENDOR = Vendor(
    label="DeepSeek",
    hosts=("deepseek.com",),
)
