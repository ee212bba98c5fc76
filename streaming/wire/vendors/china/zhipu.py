"""Zhipu."""

from streaming.wire.vendors.vendor import Vendor

VENDOR = Vendor(
    label="Zhipu",
    hosts=("bigmodel.cn", "z.ai"),
    names=("bigmodel", "glm", "zai", "zhipuai"),
)
