"""Hunyuan."""

from streaming.wire.vendors.vendor import Vendor

VENDOR = Vendor(
    label="Hunyuan",
    hosts=("hunyuan.cloud.tencent.com", "lkeap.cloud.tencent.com", "tencentcloudapi.com"),
    names=("lkeap", "tencent"),
)
