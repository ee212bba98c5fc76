"""MiniMax."""

from streaming.wire.vendors.vendor import Vendor

VENDOR = Vendor(
    label="MiniMax",
    hosts=("minimax.chat", "minimaxi.com", "minimax.io"),
)
