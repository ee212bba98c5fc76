"""Azure OpenAI."""

from streaming.wire.vendors.vendor import Vendor

VENDOR = Vendor(
    label="Azure OpenAI",
    hosts=("openai.azure.com", "services.ai.azure.com", "cognitiveservices.azure.com"),
    # https://learn.microsoft.com/azure/ai-foundry/openai/reference#authentication (as collected in 2026)
    key_header="api-key",
)
