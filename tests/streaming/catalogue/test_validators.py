"""What may be written into providers and routes, and what is said of the rest."""

import datetime as dt
import math
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from streaming.models import Provider, Route


def refusal(row: Provider | Route, **fields: Any) -> dict[str, list[str]]:
    for name, value in fields.items():
        setattr(row, name, value)
    try:
        row.clean_fields(exclude={"chat_model", "provider", "upstream_model", "slug"} - fields.keys())
    except ValidationError as err:
        return err.message_dict
    return {}


def provider() -> Provider:
    return Provider(slug="p", base_url="https://p.example/v1")


@pytest.mark.parametrize(
    "base_url",
    [
        "http://vllm:8000/v1", "http://ollama:11434/v1", "http://my_vllm:8000/v1", "http://localhost/v1",
        "http://127.0.0.1:1234", "http://[::1]:8000/v1", "http://[2001:db8::7]/v1", "https://api.example.com/v1/",
        "https://x.openai.azure.com/openai/deployments/gpt/?api-version=2024-10-21", "HTTPS://API.EXAMPLE.COM/v1",
        "http://vllm.llm.svc.cluster.local:8000/v1/chat/completions", "https://例子.中国/v1", "http://v/a%20b",
    ],
)  # fmt: skip
def test_any_host_will_do(base_url: str) -> None:
    assert refusal(provider(), base_url=base_url) == {}


@pytest.mark.parametrize(
    ("base_url", "why"),
    [
        ("vllm:8000/v1", "begins with https:// or http://"),
        ("localhost:8000", "begins with"),
        ("api.example.com/v1", "begins with"),
        ("ftp://vllm/v1", "begins with"),
        ("http:vllm/v1", "begins with"),
        ("http:///v1", "no host"),
        ("http://:8000/v1", "no host"),
        ("http://vl lm/v1", "no host"),
        ("http://-vllm/v1", "no host"),
        ("http://vllm:99999/v1", "port"),
        ("http://vllm:0/v1", "port"),
        ("http://vllm:/v1", "port"),
        ("http://vllm:port/v1", "port"),
        ("http://[::1/v1", "brackets"),
        ("https://user:secret@vllm/v1", "No user or password"),
        ("https://key@vllm/v1", "No user or password"),
        ("https://vllm/v1#top", "No blanks, no #"),
        ("https://vllm/ v1", "No blanks"),
        ("https://vllm/河", "only ASCII"),
        ("", "cannot be blank"),
        ("https://vllm/" + "v" * 200, "at most 200"),
    ],
)
def test_what_is_no_base_url_is_refused_by_name(base_url: str, why: str) -> None:
    refused = refusal(provider(), base_url=base_url)

    assert list(refused) == ["base_url"]
    assert why in " ".join(refused["base_url"])
    assert "secret" not in " ".join(refused["base_url"])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("proxy_env", ""), ("proxy_env", "LLM_PROXY"), ("proxy_env", "proxy_of_llms"),
        ("headers", {}), ("headers", {"X-Project-Name": "app", "User-Agent": "mine/1.0", "x_y": ""}),
        ("api_key_env", ""),
    ],
)  # fmt: skip
def test_providers_knobs_are_taken(field: str, value: Any) -> None:
    assert refusal(provider(), **{field: value}) == {}


@pytest.mark.parametrize(
    ("field", "value", "why"),
    [
        ("proxy_env", "http://proxy:3128", "name of an environment variable"),
        ("proxy_env", "SECRET_KEY", "PROXY in it"),
        ("proxy_env", "ARK_API_KEY", "PROXY in it"),
        ("headers", ["X"], "object of names and texts"),
        ("headers", "X: y", "object of names and texts"),
        ("headers", {"X": 1}, "object of names and texts"),
        ("headers", {"X Y": "z"}, "X Y: not a header"),
        ("headers", {"": "z"}, "not a header"),
        ("headers", {"X": "a\r\nY: b"}, "X: not a header"),
        ("headers", {"X": "河"}, "X: not a header"),
        ("headers", {"Content-Length": "5"}, "Content-Length: this header is written by the server"),
        ("headers", {"Authorization": "Bearer x"}, "Authorization: a key belongs"),
        ("headers", {"api-key": "x"}, "api-key: a key belongs"),
    ],
)
def test_providers_knobs_are_refused_by_name(field: str, value: Any, why: str) -> None:
    refused = refusal(provider(), **{field: value})

    assert list(refused) == [field]
    assert why in " ".join(refused[field])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("weight", 0), ("weight", 3), ("rpm", None), ("rpm", 1), ("tpm", 10**8), ("tpm_ramp_percent", 20),
        ("default_params", {"temperature": 0.7, "thinking": {"type": "disabled"}, "stop": ["a"], "seed": None}),
        ("drop_params", ["seed", "stream_options"]), ("drop_params", []),
    ],
)  # fmt: skip
def test_routes_knobs_are_taken(field: str, value: Any) -> None:
    assert refusal(Route(upstream_model="up"), **{field: value}) == {}


@pytest.mark.parametrize(
    ("field", "value", "why"),
    [
        ("weight", -1, "greater than or equal to 0"),
        ("weight", "much", "integer"),
        ("rpm", 0, "greater than or equal to 1"),
        ("tpm", -5, "greater than or equal to 1"),
        ("tpm_ramp_percent", 0, "greater than or equal to 1"),
        ("default_params", ["seed"], "object of parameters"),
        ("default_params", {"model": "x", "stream": True}, "model, stream: not a parameter"),
        ("default_params", {"stream_options": {}}, "stream_options"),
        ("default_params", {"temperature": math.nan}, "Only values that JSON knows"),
        ("default_params", {"since": dt.date(2026, 1, 1)}, "valid JSON"),
        ("drop_params", "seed", "list of parameters"),
        ("drop_params", {"seed": 1}, "list of parameters"),
        ("drop_params", [1], "list of parameters"),
        ("drop_params", ["messages"], "messages: not a parameter"),
    ],
)
def test_routes_knobs_are_refused_by_name(field: str, value: Any, why: str) -> None:
    refused = refusal(Route(upstream_model="up"), **{field: value})

    assert list(refused) == [field]
    assert why in " ".join(refused[field])
