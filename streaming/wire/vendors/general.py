"""What is true of services that no table is about: most compatible ones have adopted OpenAI's codes."""

from streaming.wire.vendors.vendor import Vendor
from streaming.wire.vendors.world import openai

VENDOR = Vendor(label="General", codes=openai.CODES)
