"""What one attempt sends: its route's key, headers, parameters and proxy; and members that a provider refuses."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from streaming.catalogue.catalogue import ServedRoute
from streaming.routing import params
from streaming.turns import attempt
from streaming.turns.attempt import Attempt
from streaming.wire.faults import Fault, Retry
from streaming.wire.vendors.world import azure
from tests.streaming.scripted_server import Script, ScriptedServer, answer

pytestmark = pytest.mark.anyio

OK = answer(b"{}")


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("PLAYED_KEY", "key-of-the-route")
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
    yield
    params._refused.clear()


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def refusal(text: str, status: bytes = b"400 Bad Request") -> Script:
    return answer(json.dumps({"error": {"message": text}}).encode(), status=status)


def route_to(server: ScriptedServer, **knobs: Any) -> ServedRoute:
    base_url = f"http://127.0.0.1:{server.port}/v1"
    route = ServedRoute(
        provider="played", base_url=base_url, api_key_env="PLAYED_KEY", dialect="openai", upstream_model="up"
    )
    return replace(route, **knobs)


async def ask(route: ServedRoute, *, is_stream: bool = True, **fields: Any) -> int:
    """The status; raises the attempt's fault."""
    client = {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in {"messages": [], **fields}.items()}
    one = Attempt(route)
    try:
        response = await one.ask(client, completion_id="c", is_stream=is_stream)
        await response.read(99)
        return response.status
    finally:
        one.close()
        await attempt.shut_down()


def bodies(server: ScriptedServer) -> list[dict[str, Any]]:
    return [json.loads(request.body) for request in server.requests]


def raw(**params: Any) -> dict[str, msgspec.Raw]:
    return {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in params.items()}


async def test_key_is_sent_as_a_bearer_token() -> None:
    async with ScriptedServer(OK) as server:
        await ask(route_to(server))

    assert b"authorization: Bearer key-of-the-route\r\n" in server.requests[0].head


async def test_provider_without_a_key_is_sent_none() -> None:
    async with ScriptedServer(OK) as server:
        await ask(route_to(server, api_key_env=""))

    assert b"authorization" not in server.requests[0].head.lower()


async def test_key_for_azure_has_a_header_of_its_own() -> None:
    async with ScriptedServer(OK) as server:
        await ask(route_to(server, vendor=azure.VENDOR))

    head = server.requests[0].head
    assert b"api-key: key-of-the-route\r\n" in head
    assert b"authorization" not in head


async def test_extra_headers_are_sent_in_the_place_of_ours() -> None:
    async with ScriptedServer(OK) as server:
        await ask(route_to(server, headers={"X-Project-Name": "app", "User-Agent": "mine/1"}))

    head = server.requests[0].head
    assert b"X-Project-Name: app\r\n" in head
    assert b"User-Agent: mine/1\r\n" in head
    assert b"rivermouth" not in head


async def test_query_of_a_base_url_stays_at_the_end() -> None:
    async with ScriptedServer(OK) as server:
        await ask(route_to(server, base_url=f"http://127.0.0.1:{server.port}/openai/deployments/gpt/?api-version=1"))

    [line] = [request.head.split(b"\r\n")[0] for request in server.requests]
    assert line == b"POST /openai/deployments/gpt/chat/completions?api-version=1 HTTP/1.1"


# --- Parameters -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("knobs", "client", "sent"),
    [
        ({"default_params": raw(temperature=0.7)}, {}, {"temperature": 0.7}),
        ({"default_params": raw(temperature=0.7)}, {"temperature": 0}, {"temperature": 0}),
        ({"default_params": raw(temperature=0.7)}, {"temperature": None}, {"temperature": 0.7}),
        ({"default_params": raw(max_tokens=9)}, {"max_completion_tokens": 5}, {"max_completion_tokens": 5}),
        ({"default_params": raw(thinking={"type": "disabled"})}, {}, {"thinking": {"type": "disabled"}}),
        ({"drop_params": frozenset({"seed"})}, {"seed": 1, "top_p": 1}, {"top_p": 1}),
        ({"drop_params": frozenset({"seed"}), "default_params": raw(seed=5)}, {"seed": 1}, {"seed": 5}),
    ],
)
async def test_defaults_and_dropped_parameters(knobs: dict[str, Any], client: Any, sent: Any) -> None:
    async with ScriptedServer(OK) as server:
        await ask(route_to(server, **knobs), is_stream=False, **client)

    assert bodies(server) == [{"messages": [], "model": "up", "stream": False, **sent}]


@pytest.mark.parametrize("knobs", [{"send_stream_options": False}, {"drop_params": frozenset({"stream_options"})}])
async def test_stream_options_are_not_sent_where_they_are_off(knobs: dict[str, Any]) -> None:
    async with ScriptedServer(OK) as server:
        await ask(route_to(server, **knobs))
        await ask(route_to(server, **knobs), stream_options={"include_usage": True})

    assert ["stream_options" in body for body in bodies(server)] == [False, False]


# --- Members that a provider refuses ----------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [b"400 Bad Request", b"422 Unprocessable Entity"])
async def test_refused_stream_options_are_left_out_and_remembered(status: bytes) -> None:
    async with ScriptedServer(refusal("stream_options: unknown", status), OK) as server:
        route = route_to(server)
        statuses = [await ask(route), await ask(route)]

    assert statuses == [200, 200]
    assert ["stream_options" in body for body in bodies(server)] == [True, False, False]


async def test_only_the_option_that_is_blamed_is_left_out() -> None:
    async with ScriptedServer(refusal("chunk_include_usage is unknown"), OK) as server:
        await ask(route_to(server, dialect="ark"))

    assert [body["stream_options"] for body in bodies(server)] == [
        {"include_usage": True, "chunk_include_usage": True},
        {"include_usage": True},
    ]


async def test_options_are_blamed_one_after_the_other() -> None:
    refusals = [refusal("chunk_include_usage is unknown"), refusal("stream_options is unknown")]
    async with ScriptedServer(*refusals, OK) as server:
        await ask(route_to(server, dialect="ark"))

    assert [body.get("stream_options") for body in bodies(server)][1:] == [{"include_usage": True}, None]


async def test_refused_default_is_left_out() -> None:
    async with ScriptedServer(refusal("'seed' is not supported"), OK) as server:
        await ask(route_to(server, default_params=raw(seed=5)), is_stream=False)

    assert ["seed" in body for body in bodies(server)] == [True, False]


async def test_clients_own_member_is_the_clients_fault() -> None:
    async with ScriptedServer(refusal("stream_options: unknown")) as server:
        with pytest.raises(Fault) as caught:
            await ask(route_to(server), stream_options={"include_usage": True})

    assert (caught.value.status, caught.value.retry, len(server.requests)) == (400, Retry.NEVER, 1)


async def test_null_of_the_client_is_ours_to_leave_out() -> None:
    async with ScriptedServer(refusal("stream_options: unknown"), OK) as server:
        await ask(route_to(server), stream_options=None)

    assert ["stream_options" in body for body in bodies(server)] == [True, False]


async def test_other_fault_of_the_client_is_told_and_nothing_remembered() -> None:
    script = [refusal("stream_options: unknown"), refusal("temperature must be at most 2")]
    async with ScriptedServer(*script, OK) as server:
        route = route_to(server)
        with pytest.raises(Fault) as caught:
            await ask(route, temperature=3)
        await ask(route)

    assert (caught.value.status, caught.value.message) == (400, "temperature must be at most 2")
    assert ["stream_options" in body for body in bodies(server)] == [True, False, True]


async def test_provider_that_blames_a_field_not_sent_is_skipped() -> None:
    async with ScriptedServer(refusal("stream_options: unknown")) as server:
        with pytest.raises(Fault) as caught:
            await ask(route_to(server))

    assert (caught.value.status, caught.value.code, caught.value.retry) == (502, "upstream_refused", Retry.NEXT_ROUTE)
    assert "stream_options" in caught.value.quote
    assert "stream_options" not in caught.value.message
    assert len(server.requests) == 2


# --- Proxies ----------------------------------------------------------------------------------------------------------


async def test_proxy_of_the_route_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    async with ScriptedServer(OK) as proxy:
        monkeypatch.setenv("LLM_PROXY", f"http://127.0.0.1:{proxy.port}")
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
        await ask(route_to(proxy, base_url="http://far.invalid/v1", proxy_env="LLM_PROXY"))

    assert proxy.requests[0].head.startswith(b"POST http://far.invalid/v1/chat/completions HTTP/1.1\r\n")


async def test_proxy_of_the_environment_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    async with ScriptedServer(OK) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
        await ask(route_to(proxy, base_url="http://far.invalid/v1"))

    assert proxy.requests[0].head.startswith(b"POST http://far.invalid/v1/chat/completions HTTP/1.1\r\n")


@pytest.mark.parametrize(
    ("value", "detail"),
    [(None, "LLM_PROXY is not set"), ("socks5://me:pass@x", "a proxy's URL is http(s)://[user:password@]host[:port]")],
)
async def test_proxy_that_is_not_set_is_a_fault(
    monkeypatch: pytest.MonkeyPatch, value: str | None, detail: str
) -> None:
    monkeypatch.delenv("LLM_PROXY", raising=False)
    if value:
        monkeypatch.setenv("LLM_PROXY", value)
    async with ScriptedServer(OK) as server:
        with pytest.raises(Fault) as caught:
            await ask(route_to(server, proxy_env="LLM_PROXY"))

    assert (caught.value.code, caught.value.retry, caught.value.detail) == (
        "route_misconfigured", Retry.NEXT_ROUTE, detail,
    )  # fmt: skip
    assert server.requests == []


async def test_proxy_that_wants_a_password_is_not_the_clients_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    async with ScriptedServer(answer(b"", status=b"407 Proxy Authentication Required")) as proxy:
        monkeypatch.setenv("LLM_PROXY", f"http://127.0.0.1:{proxy.port}")
        with pytest.raises(Fault) as caught:
            await ask(route_to(proxy, base_url="http://far.invalid/v1", proxy_env="LLM_PROXY"))

    assert (caught.value.code, caught.value.status) == ("route_misconfigured", 502)
