"""OpenRouter."""

from streaming.wire.vendors.vendor import Vendor

VENDOR = Vendor(
    label="OpenRouter",
    hosts=("openrouter.ai",),
)
