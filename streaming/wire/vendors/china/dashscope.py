"""DashScope."""

from streaming.wire.vendors.vendor import Vendor

VENDOR = Vendor(
    label="DashScope",
    hosts=("aliyuncs.com",),
    names=("aliyun", "bailian", "qwen", "tongyi"),
)
