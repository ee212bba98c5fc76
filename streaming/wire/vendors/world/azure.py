"""Azure OpenAI."""

from streaming.wire.vendors.vendor import Vendor

VENDOR = Vendor(
    label="Azure OpenAI",
    hosts=("openai.azure.com", "services.ai.azure.com", "cognitiveservices.azure.com"),
)
