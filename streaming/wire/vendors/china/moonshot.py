"""Moonshot."""

from streaming.wire.vendors.vendor import Vendor

VENDOR = Vendor(
    label="Moonshot",
    hosts=("moonshot.cn", "moonshot.ai", "kimi.com"),
    names=("kimi",),
)
