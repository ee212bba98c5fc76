"""The URL of an endpoint, from whatever operators give as a base URL."""

import pytest

from streaming.wire.dialects.endpoint import endpoint

CHAT = "/chat/completions"
AZURE = "https://x.openai.azure.com/openai/deployments/gpt"


@pytest.mark.parametrize(
    ("base_url", "url"),
    [
        ("https://api.example/v1", "https://api.example/v1" + CHAT),
        ("https://api.example/v1/", "https://api.example/v1" + CHAT),
        ("https://api.example/v1//", "https://api.example/v1" + CHAT),
        ("https://api.example", "https://api.example" + CHAT),
        ("http://vllm:8000/v1", "http://vllm:8000/v1" + CHAT),
        ("http://my_vllm:8000/v1", "http://my_vllm:8000/v1" + CHAT),
        ("http://[::1]:8000/v1", "http://[::1]:8000/v1" + CHAT),
        ("https://api.example/v1/chat/completions", "https://api.example/v1" + CHAT),
        ("https://api.example/v1/chat/completions/", "https://api.example/v1" + CHAT),
        ("https://api.example/chat/completions", "https://api.example" + CHAT),
        ("https://api.example/v1/responses", "https://api.example/v1" + CHAT),
        (f"{AZURE}/?api-version=2024-10-21", f"{AZURE}{CHAT}?api-version=2024-10-21"),
        (f"{AZURE}?api-version=2024-10-21&x=%20", f"{AZURE}{CHAT}?api-version=2024-10-21&x=%20"),
        (f"{AZURE}{CHAT}?api-version=2024-10-21", f"{AZURE}{CHAT}?api-version=2024-10-21"),
        ("https://api.example/v1/chat", "https://api.example/v1/chat" + CHAT),
    ],
)
def test_endpoint_of_a_base_url(base_url: str, url: str) -> None:
    assert endpoint(base_url, "chat/completions") == url


def test_other_endpoint_of_a_pasted_one() -> None:
    assert endpoint("https://api.example/v1/chat/completions", "embeddings") == "https://api.example/v1/embeddings"
