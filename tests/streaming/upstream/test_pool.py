"""Connections: opened, used again, retried when stale, kept within limits; TLS; what cannot be sent."""

import asyncio
import socket
import ssl

import pytest

from streaming.upstream import ConnectFailed, ConnectionLost, ConnectTimedOut, UpstreamPool
from tests.streaming.scripted_server import (
    Peer,
    Script,
    ScriptedServer,
    answer,
    self_signed_contexts,
    send,
    send_and_close,
)
from tests.streaming.upstream.recorder import Recorder

pytestmark = pytest.mark.anyio

LIMIT = 1_000_000


async def ask(pool: UpstreamPool, url: str, body: bytes = b"{}") -> bytes:
    response = await pool.post(url, [], body)
    return await response.read(LIMIT)


async def left(peer: Peer) -> None:
    async with asyncio.timeout(1):
        await peer.left.wait()


async def test_connection_is_used_again(pool: UpstreamPool) -> None:
    async with ScriptedServer(answer(b"1"), answer(b"2"), answer(b"3")) as server:
        bodies = [await ask(pool, server.url) for _ in range(3)]

    assert bodies == [b"1", b"2", b"3"]
    assert [request.connection for request in server.requests] == [0, 0, 0]


@pytest.mark.parametrize(
    "wire",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\n1",
        b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n1",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1surplus",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n2",
    ],
    ids=["connection: close", "HTTP/1.0", "garbage after", "second response"],
)
async def test_connection_that_cannot_be_trusted_is_not_used_again(pool: UpstreamPool, wire: bytes) -> None:
    async with ScriptedServer(send(wire), answer(b"next")) as server:
        bodies = [await ask(pool, server.url), await ask(pool, server.url)]
        await left(server.peers[0])

    assert bodies == [b"1", b"next"]
    assert [request.connection for request in server.requests] == [0, 1]


async def test_bytes_to_an_idle_connection_close_it(pool: UpstreamPool) -> None:
    response_twice = [b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1"] * 2

    async with ScriptedServer(send(*response_twice, pause_s=0.05), answer(b"next")) as server:
        first = await ask(pool, server.url)
        await left(server.peers[0])
        second = await ask(pool, server.url)

    assert (first, second) == (b"1", b"next")


async def test_idle_connection_that_the_server_closed_is_forgotten(pool: UpstreamPool) -> None:
    async with ScriptedServer(send_and_close(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1")) as server:
        await ask(pool, server.url)
        await asyncio.sleep(0.05)

        assert (pool.open_connections, pool.idle_connections) == (0, 0)


async def reset_unanswered(peer: Peer) -> None:
    peer.reset()


@pytest.mark.parametrize("stale", [send_and_close(), reset_unanswered], ids=["closed", "reset"])
async def test_stale_connection_is_replaced_by_a_new_one(pool: UpstreamPool, stale: Script) -> None:
    async with ScriptedServer(answer(b""), stale, answer(b"2")) as server:
        await ask(pool, server.url, b"first")
        body = await ask(pool, server.url, b"second")

    assert body == b"2"
    assert [(request.body, request.connection) for request in server.requests] == [
        (b"first", 0),
        (b"second", 0),
        (b"second", 1),
    ]


async def test_stale_connection_is_replaced_only_once(pool: UpstreamPool) -> None:
    async with ScriptedServer(answer(b"1"), send_and_close()) as server:
        await ask(pool, server.url)
        with pytest.raises(ConnectionLost):
            await ask(pool, server.url)

    assert len(server.requests) == 3


async def test_request_that_was_answered_by_one_byte_is_not_repeated(pool: UpstreamPool) -> None:
    async with ScriptedServer(answer(b"1"), send_and_close(b"H")) as server:
        await ask(pool, server.url)
        with pytest.raises(ConnectionLost):
            await ask(pool, server.url)

    assert len(server.requests) == 2


async def test_newest_idle_connection_is_used_first(pool: UpstreamPool) -> None:
    slow = send(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n", b"1", pause_s=0.05)

    async with ScriptedServer(slow, answer(b"2"), answer(b"3")) as server:
        await asyncio.gather(ask(pool, server.url), ask(pool, server.url))
        last_answered = server.requests[0].connection
        await ask(pool, server.url)

    assert server.requests[2].connection == last_answered


async def test_idle_connection_expires() -> None:
    pool = UpstreamPool(idle_timeout_s=0.05)

    async with ScriptedServer(answer(b"1")) as server:
        await ask(pool, server.url)
        idle_at_first = pool.idle_connections
        await left(server.peers[0])
        await asyncio.sleep(0.01)

    assert (idle_at_first, pool.idle_connections, pool.open_connections) == (1, 0, 0)


async def test_connection_in_use_does_not_expire() -> None:
    pool = UpstreamPool(idle_timeout_s=0.05)

    async with ScriptedServer(
        answer(b"1"), send(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n", b"2", pause_s=0.2)
    ) as server:
        await ask(pool, server.url)
        body = await ask(pool, server.url)
    await pool.close()

    assert body == b"2"
    assert [request.connection for request in server.requests] == [0, 0]


@pytest.mark.parametrize("max_idle", [0, 2])
async def test_idle_connections_are_capped(max_idle: int) -> None:
    pool = UpstreamPool(max_idle=max_idle)

    async with ScriptedServer(send(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n", b"1", pause_s=0.05)) as server:
        bodies = await asyncio.gather(*(ask(pool, server.url) for _ in range(5)))
        await asyncio.sleep(0.05)
        open_and_idle = (pool.open_connections, pool.idle_connections)
    await pool.close()

    assert bodies == [b"1"] * 5
    assert open_and_idle == (max_idle, max_idle)


async def test_connections_are_kept_apart_by_origin(pool: UpstreamPool) -> None:
    async with ScriptedServer(answer(b"1")) as one, ScriptedServer(answer(b"2")) as other:
        bodies = [await ask(pool, server.url) for server in (one, other, one, other)]

    assert bodies == [b"1", b"2", b"1", b"2"]
    assert (len(one.peers), len(other.peers)) == (1, 1)


async def test_early_answer_to_a_long_request_is_read(pool: UpstreamPool) -> None:
    refuse = answer(b"no", status=b"413 Too Large")

    async with ScriptedServer(refuse, answers_early=True) as server:
        response = await pool.post(server.url, [], bytes(20_000_000))
        body = await response.read(LIMIT)
        idle_connections = pool.idle_connections  # the rest of the request is still to be sent

    assert (response.status, body) == (413, b"no")
    assert idle_connections == 0


async def test_close_ends_waiting_open_and_idle_connections() -> None:
    pool = UpstreamPool()
    half = send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")

    async with ScriptedServer(answer(b"1"), Peer.hang, half, answer(b"2")) as server:
        await ask(pool, server.url)
        waiting = asyncio.create_task(pool.post(server.url, [], b"{}"))  # on a used connection, as stale ones are
        await server.until_requests(2)
        response = await pool.post(server.url, [], b"{}")
        recorder = Recorder()
        response.deliver_to(recorder)
        await recorder.until(lambda recorder: recorder.reads == [b"half"])
        await ask(pool, server.url)
        counts = (pool.open_connections, pool.idle_connections)
        await pool.close()
        with pytest.raises(ConnectionLost):
            await waiting

    assert counts == (3, 1)
    assert isinstance(recorder.outcome, ConnectionLost)
    assert pool.open_connections == 0
    with pytest.raises(RuntimeError):
        await pool.post(server.url, [], b"{}")


async def test_connection_opened_while_the_pool_closes_is_not_kept() -> None:
    pool = UpstreamPool()

    async with ScriptedServer(answer(b"1")) as server:
        connecting = asyncio.create_task(ask(pool, server.url))
        await asyncio.sleep(0)
        await pool.close()
        body = await connecting
        await asyncio.sleep(0.01)
        counts = (pool.open_connections, pool.idle_connections)

    assert (body, counts) == (b"1", (0, 0))


async def test_refused_connection(pool: UpstreamPool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    with pytest.raises(ConnectFailed, match=f"127.0.0.1:{port}"):
        await pool.post(f"http://127.0.0.1:{port}/", [], b"{}")


async def test_unknown_host(pool: UpstreamPool) -> None:
    with pytest.raises(ConnectFailed):
        await pool.post("http://nowhere.invalid/", [], b"{}", connect_timeout_s=2)


async def test_connect_timeout_covers_the_tls_handshake() -> None:
    pool = UpstreamPool(connect_timeout_s=30)

    async with ScriptedServer(Peer.hang) as server:
        started_at = asyncio.get_running_loop().time()
        with pytest.raises(ConnectTimedOut):
            await pool.post(f"https://127.0.0.1:{server.port}/", [], b"{}", connect_timeout_s=0.1)
        took_s = asyncio.get_running_loop().time() - started_at

    assert took_s < 1


async def test_tls(pool: UpstreamPool) -> None:
    server_context, client_context = self_signed_contexts("127.0.0.1")
    pool = UpstreamPool(ssl_context=client_context)

    async with ScriptedServer(answer(b"1"), answer(b"2" * 1_000_000), Peer.hang, ssl_context=server_context) as server:
        bodies = [await ask(pool, server.url), await ask(pool, server.url)]
        task = asyncio.create_task(ask(pool, server.url))
        await server.until_requests(3)
        task.cancel()
        await left(server.peers[0])
    await pool.close()

    assert bodies == [b"1", b"2" * 1_000_000]
    assert {request.connection for request in server.requests} == {0}


async def test_tls_name_that_differs_is_refused() -> None:
    server_context, client_context = self_signed_contexts("other.example")
    pool = UpstreamPool(ssl_context=client_context)

    async with ScriptedServer(answer(b"1"), ssl_context=server_context) as server:
        with pytest.raises(ConnectFailed) as caught:
            await pool.post(server.url, [], b"{}")

    assert isinstance(caught.value.__cause__, ssl.SSLCertVerificationError)
    assert server.requests == []


async def test_tls_certificate_that_the_system_does_not_know_is_refused(pool: UpstreamPool) -> None:
    server_context, _ = self_signed_contexts("127.0.0.1")

    async with ScriptedServer(answer(b"1"), ssl_context=server_context) as server:
        with pytest.raises(ConnectFailed) as caught:
            await pool.post(server.url, [], b"{}")

    assert isinstance(caught.value.__cause__, ssl.SSLCertVerificationError)
    assert server.requests == []


async def test_ipv6(pool: UpstreamPool) -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")

    async with ScriptedServer(answer(b"six"), host="::1") as server:
        body = await ask(pool, server.url)

    assert body == b"six"
    assert b"\r\nHost: [::1]:%d\r\n" % server.port in server.requests[0].head


@pytest.mark.parametrize(
    "url",
    [
        "ftp://host/",
        "host/path",
        "http:///path",
        "http://user:secret@host/",
        "http://host/a b",
        "http://host/流",
        "http://host:99999/",
    ],
)
async def test_url_that_cannot_be_sent_is_refused(pool: UpstreamPool, url: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the message is looked at below
        await pool.post(url, [], b"{}")

    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "header",
    [(b"Authorization", b"Bearer secret\n"), (b"A\r\nB", b"x"), (b"A", b"x\r\nB: secret"), (b"A", b"x\rsecret")],
)
async def test_header_with_a_line_break_is_refused(pool: UpstreamPool, header: tuple[bytes, bytes]) -> None:
    with pytest.raises(ValueError, match="line break") as caught:
        await pool.post("http://127.0.0.1:1/", [(b"Fine", b"x"), header], b"{}")

    assert "secret" not in str(caught.value)
