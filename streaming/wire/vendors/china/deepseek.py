"""DeepSeek: OpenAI's words, with a status of its own for everything; 402 is an empty balance.

Reference: https://api-docs.deepseek.com/quick_start/error_codes and …/api/create-chat-completion (read 2026-12-01).
"""

from streaming.wire.vendors.finishes import FAILED
from streaming.wire.vendors.meanings import OUR_MONEY
from streaming.wire.vendors.vendor import Vendor

VENDOR = Vendor(
    label="DeepSeek",
    hosts=("deepseek.com",),
    wordings=[(r"\binsufficient balance\b", OUR_MONEY)],
    finishes={"insufficient_system_resource": FAILED, "aborted": FAILED},
)
