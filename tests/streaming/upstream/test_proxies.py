"""Outbound proxies: which one the environment names, and requests through one."""

import pytest

from streaming.upstream import ConnectFailed, ConnectTimedOut, ProxyRefused, UpstreamPool
from streaming.upstream.proxies import Proxy, parse, url_in_environment
from tests.streaming.scripted_server import ScriptedServer, answer, self_signed_contexts
from tests.streaming.upstream.forward_proxy import ForwardProxy

VARIABLES = ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "no_proxy", "NO_PROXY")


@pytest.fixture
def variables(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


@pytest.mark.parametrize(
    ("url", "proxy"),
    [
        ("http://proxy:3128", Proxy("proxy", 3128, False, b"")),
        ("proxy:3128", Proxy("proxy", 3128, False, b"")),
        ("http://proxy", Proxy("proxy", 80, False, b"")),
        ("https://proxy/", Proxy("proxy", 443, True, b"")),
        ("http://[::1]:3128", Proxy("::1", 3128, False, b"")),
        ("http://me:p%40ss@proxy:3128", Proxy("proxy", 3128, False, b"Basic bWU6cEBzcw==")),
        ("http://me@proxy:3128", Proxy("proxy", 3128, False, b"Basic bWU6")),
    ],
)
def test_proxys_url_is_read(url: str, proxy: Proxy) -> None:
    assert parse(url) == proxy


@pytest.mark.parametrize("url", ["socks5://proxy:1080", "http://", "http://proxy:x", "postgres://me:secret@db/x", ""])
def test_what_is_no_proxy_is_refused_without_quoting_it(url: str) -> None:
    with pytest.raises(ValueError, match=r"a proxy's URL is http\(s\)://") as caught:
        parse(url)

    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "set_to", "found"),
    [
        ("https://a.example/v1", {"HTTPS_PROXY": "p"}, "p"),
        ("https://a.example/v1", {"HTTP_PROXY": "p"}, None),
        ("http://a.example/v1", {"HTTP_PROXY": "p", "HTTPS_PROXY": "q"}, "p"),
        ("http://a.example/v1", {"http_proxy": "p", "HTTP_PROXY": "q"}, "p"),
        ("http://a.example/v1", {"HTTP_PROXY": ""}, None),
        ("http://a.example/v1", {"HTTP_PROXY": "p", "NO_PROXY": "b.example"}, "p"),
        ("http://a.example/v1", {"HTTP_PROXY": "p", "NO_PROXY": "b.example, a.example"}, None),
        ("http://x.a.example/v1", {"HTTP_PROXY": "p", "NO_PROXY": "a.example"}, None),
        ("http://x.a.example/v1", {"HTTP_PROXY": "p", "NO_PROXY": ".A.EXAMPLE"}, None),
        ("http://x.a.example/v1", {"HTTP_PROXY": "p", "no_proxy": "*.a.example"}, None),
        ("http://xa.example/v1", {"HTTP_PROXY": "p", "NO_PROXY": "a.example"}, "p"),
        ("http://a.example/v1", {"HTTP_PROXY": "p", "NO_PROXY": "*"}, None),
        ("http://vllm:8000/v1", {"HTTP_PROXY": "p", "NO_PROXY": "vllm"}, None),
        ("http://vllm:8000/v1", {"HTTP_PROXY": "p", "NO_PROXY": "vllm:8000"}, None),
        ("http://vllm:8000/v1", {"HTTP_PROXY": "p", "NO_PROXY": "vllm:9000"}, "p"),
        ("http://127.0.0.1:8000/v1", {"HTTP_PROXY": "p", "NO_PROXY": "127.0.0.1"}, None),
        ("http://10.1.2.3/v1", {"HTTP_PROXY": "p", "NO_PROXY": "10.0.0.0/8"}, None),
        ("http://11.1.2.3/v1", {"HTTP_PROXY": "p", "NO_PROXY": "10.0.0.0/8"}, "p"),
        ("http://[::1]:8000/v1", {"HTTP_PROXY": "p", "NO_PROXY": "::1"}, None),
        ("http://[::1]:8000/v1", {"HTTP_PROXY": "p", "NO_PROXY": "[::1]:8000"}, None),
    ],
)
def test_environment_names_the_proxy_of_a_url(
    variables: pytest.MonkeyPatch, url: str, set_to: dict[str, str], found: str | None
) -> None:
    for name, value in set_to.items():
        variables.setenv(name, value)

    assert url_in_environment(url) == found


@pytest.mark.anyio
async def test_http_url_is_asked_of_the_proxy(pool: UpstreamPool) -> None:
    async with ScriptedServer(answer(b"1"), answer(b"2")) as server, ForwardProxy(server.port) as proxy:
        url = f"http://me:pass@127.0.0.1:{proxy.port}"
        bodies = [
            await (await pool.post("http://far.example:8080/v1?a=b", [], b"{}", proxy_url=url)).read(99)
            for _ in range(2)
        ]

    assert bodies == [b"1", b"2"]
    [head] = proxy.heads  # one connection for both
    assert head.startswith("POST http://far.example:8080/v1?a=b HTTP/1.1\r\nHost: far.example:8080\r\n")
    assert "Proxy-Authorization: Basic bWU6cGFzcw==\r\n" in head


@pytest.mark.anyio
async def test_https_url_goes_through_a_tunnel(anyio_backend: object) -> None:
    server_context, client_context = self_signed_contexts("far.example")
    pool = UpstreamPool(ssl_context=client_context)
    async with (
        ScriptedServer(answer(b"1"), answer(b"2"), ssl_context=server_context) as server,
        ForwardProxy(server.port) as proxy,
    ):
        url = f"http://me:pass@127.0.0.1:{proxy.port}"
        bodies = [
            await (await pool.post("https://far.example/v1", [], b"{}", proxy_url=url)).read(99) for _ in range(2)
        ]
        await pool.close()

    assert bodies == [b"1", b"2"]
    [head] = proxy.heads
    assert head.startswith("CONNECT far.example:443 HTTP/1.1\r\nHost: far.example:443\r\n")
    assert "Proxy-Authorization: Basic bWU6cGFzcw==\r\n" in head
    assert [request.head.split(b"\r\n")[0] for request in server.requests] == [b"POST /v1 HTTP/1.1"] * 2
    assert b"Proxy-Authorization" not in server.requests[0].head


@pytest.mark.anyio
async def test_connection_through_a_proxy_serves_no_other_way(pool: UpstreamPool) -> None:
    async with ScriptedServer(answer(b"1"), answer(b"2")) as server, ForwardProxy(server.port) as proxy:
        through = await pool.post(server.url, [], b"{}", proxy_url=f"http://127.0.0.1:{proxy.port}")
        await through.read(99)
        await (await pool.post(server.url, [], b"{}")).read(99)

    assert [request.connection for request in server.requests] == [0, 1]


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("refusal", "why"),
    [
        (b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n", "with 407"),
        (b"HTTP/1.1 403 Forbidden\r\n\r\n", "with 403"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "does not speak HTTP"),
        (b"HTTP/1.1 200 OK\r\n", "closed the connection"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000, "endless head"),
    ],
)
async def test_proxy_that_gives_no_tunnel_is_named(pool: UpstreamPool, refusal: bytes, why: str) -> None:
    async with ForwardProxy(9, refusal=refusal) as proxy:
        with pytest.raises(ProxyRefused, match=why) as caught:
            await pool.post("https://far.example/v1", [], b"{}", proxy_url=f"http://me:secret@127.0.0.1:{proxy.port}")

    assert f"127.0.0.1:{proxy.port}" in str(caught.value)
    assert "secret" not in str(caught.value)
    assert pool.open_connections == 0


@pytest.mark.anyio
async def test_far_side_of_a_tunnel_must_prove_its_name(pool: UpstreamPool) -> None:
    server_context, _ = self_signed_contexts("far.example")
    async with ScriptedServer(answer(b"1"), ssl_context=server_context) as server, ForwardProxy(server.port) as proxy:
        with pytest.raises(ConnectFailed, match="certificate"):
            await pool.post("https://far.example/v1", [], b"{}", proxy_url=f"http://127.0.0.1:{proxy.port}")

    assert server.requests == []


@pytest.mark.anyio
async def test_proxy_that_says_nothing_times_out(pool: UpstreamPool) -> None:
    async with ForwardProxy(9, refusal=b"") as proxy:
        url = f"http://127.0.0.1:{proxy.port}"
        with pytest.raises(ConnectTimedOut, match=f"through 127.0.0.1:{proxy.port}"):
            await pool.post("https://far.example/v1", [], b"{}", proxy_url=url, connect_timeout_s=0.1)


@pytest.mark.anyio
async def test_proxy_that_is_away_is_named(pool: UpstreamPool) -> None:
    with pytest.raises(ConnectFailed, match=r"far.example:80 through 127.0.0.1:9"):
        await pool.post("http://far.example/v1", [], b"{}", proxy_url="http://127.0.0.1:9")
