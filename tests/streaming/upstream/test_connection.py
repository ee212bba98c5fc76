"""HTTP/1.1 on the wire: framing under any cutting, what ends a body, what is refused."""

import asyncio
import itertools
from collections.abc import Callable

import pytest

from streaming.upstream import ConnectionLost, ProtocolError, UpstreamPool
from tests.streaming.scripted_server import Peer, ScriptedServer, answer, send, send_and_close
from tests.streaming.upstream.recorder import Recorder

pytestmark = pytest.mark.anyio

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
LIMIT = 1_000_000


async def test_request_on_the_wire(pool: UpstreamPool) -> None:
    async with ScriptedServer(answer(b"")) as server:
        await pool.post(server.url + "?a=b%20c", [(b"Authorization", b"Bearer k"), (b"X-Empty", b"")], b'{"n":1}')

    [request] = server.requests
    assert request.head == (
        b"POST /v1/chat/completions?a=b%%20c HTTP/1.1\r\n"
        b"Host: 127.0.0.1:%d\r\n"
        b"Accept-Encoding: identity\r\n"
        b"Authorization: Bearer k\r\n"
        b"X-Empty: \r\n"
        b"Content-Length: 7\r\n\r\n" % server.port
    )
    assert request.body == b'{"n":1}'


@pytest.mark.parametrize(
    ("wire", "status", "body"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, b"hello"),
        (b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n", 429, b""),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b""),
        (b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 2\r\n\r\nno", 302, b"no"),
        (b"HTTP/1.0 200 OK\r\n\r\nuntil the end", 200, b"until the end"),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nuntil the end", 200, b"until the end"),
        (b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok", 200, b"ok"),
        (CHUNKED + b"5\r\nhello\r\n0\r\n\r\n", 200, b"hello"),
        (CHUNKED + b"5;a=b\r\nhello\r\n001\r\n!\r\n0\r\nTrailer: x\r\n\r\n", 200, b"hello!"),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, b"ok"),
    ],
)
async def test_body_ends_where_its_framing_says(pool: UpstreamPool, wire: bytes, status: int, body: bytes) -> None:
    async with ScriptedServer(send_and_close(wire)) as server:
        response = await pool.post(server.url, [], b"{}")
        received = await response.read(LIMIT)

    assert (response.status, received) == (status, body)


# Interim responses, an empty header, a long chunk size, an extension, a trailer: each place where a parser may be cut.
INTRICATE = (
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
    b"HTTP/1.1 200 Fine\r\nX-Empty:\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"00000a;ext=1\r\ndata: one\n\r\n1\r\n\n\r\nb\r\ndata: two\n\n\r\n0\r\nX-Trailer: t\r\n\r\n"
)


async def test_response_cut_at_any_byte_is_the_same(pool: UpstreamPool) -> None:
    scripts = [send(INTRICATE[:place], INTRICATE[place:]) for place in range(1, len(INTRICATE))]
    bytewise = send(*(INTRICATE[place : place + 1] for place in range(len(INTRICATE))))
    answers = []

    async with ScriptedServer(*scripts, bytewise) as server:
        for _ in range(len(INTRICATE)):
            response = await pool.post(server.url, [], b"{}")
            answers.append((response.status, response.headers, await response.read(LIMIT)))

    headers = [(b"x-empty", b""), (b"content-type", b"text/event-stream"), (b"transfer-encoding", b"chunked")]
    assert answers == [(200, headers, b"data: one\n\ndata: two\n\n")] * len(INTRICATE)
    assert {request.connection for request in server.requests} == {0}


async def test_chunks_of_one_read_are_delivered_in_one_call(pool: UpstreamPool) -> None:
    chunk = b"b\r\ndata: abc\n\n\r\n"

    async with ScriptedServer(send(CHUNKED, chunk, chunk * 3, chunk + b"0\r\n\r\n", pause_s=0.02)) as server:
        response = await pool.post(server.url, [], b"{}")
        recorder = Recorder()
        response.deliver_to(recorder)
        outcome = await recorder.finished()

    assert recorder.reads == [b"data: abc\n\n", b"data: abc\n\n" * 3, b"data: abc\n\n"]
    assert outcome == "ended"


@pytest.mark.parametrize(
    "wire",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\ndata: a\n\n",
        CHUNKED + b"9\r\ndata: a\n\n\r\n",
        CHUNKED + b"64\r\ndata: a\n\n",
        CHUNKED + b"9\r\ndata: a\n\n\r\n0\r\n",
    ],
    ids=["content-length", "between chunks", "within a chunk", "before the last empty line"],
)
@pytest.mark.parametrize("end", [Peer.close, Peer.half_close, Peer.reset])
async def test_truncated_body_delivers_what_came_then_fails(
    pool: UpstreamPool, wire: bytes, end: Callable[[Peer], None]
) -> None:
    async def script(peer: Peer) -> None:
        await peer.send(wire)
        await asyncio.sleep(0.02)
        end(peer)

    async with ScriptedServer(script) as server:
        response = await pool.post(server.url, [], b"{}")
        recorder = Recorder()
        response.deliver_to(recorder)
        outcome = await recorder.finished()

    assert recorder.body == b"data: a\n\n"
    assert isinstance(outcome, ConnectionLost)
    assert pool.open_connections == 0


async def test_reset_of_a_body_without_length_is_an_error(pool: UpstreamPool) -> None:
    async def script(peer: Peer) -> None:
        await peer.send(b"HTTP/1.1 200 OK\r\n\r\nhalf")
        await asyncio.sleep(0.02)
        peer.reset()

    async with ScriptedServer(script) as server:
        response = await pool.post(server.url, [], b"{}")

        with pytest.raises(ConnectionLost):
            await response.read(LIMIT)


@pytest.mark.parametrize("parts", [[], [b"HTT"], [b"HTTP/1.1 200 OK\r\nContent-"]])
async def test_end_within_the_head_is_a_lost_connection(pool: UpstreamPool, parts: list[bytes]) -> None:
    async with ScriptedServer(send_and_close(*parts)) as server:
        with pytest.raises(ConnectionLost):
            await pool.post(server.url, [], b"{}")

    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "wire",
    [
        b"<html>502 Bad Gateway</html>",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
    ],
)
async def test_head_that_cannot_be_trusted_is_refused(pool: UpstreamPool, wire: bytes) -> None:
    async with ScriptedServer(send(wire)) as server:
        with pytest.raises(ProtocolError):
            await pool.post(server.url, [], b"{}")

    assert pool.open_connections == 0


async def test_broken_chunk_delivers_what_came_then_fails(pool: UpstreamPool) -> None:
    async with ScriptedServer(send(CHUNKED + b"9\r\ndata: a\n\n\r\nnonsense\r\n")) as server:
        response = await pool.post(server.url, [], b"{}")
        recorder = Recorder()
        response.deliver_to(recorder)
        outcome = await recorder.finished()

    assert recorder.reads == [b"data: a\n\n"]
    assert isinstance(outcome, ProtocolError)


@pytest.mark.parametrize(
    ("start", "repeated"),
    [
        (b"HTTP/1.1 200 OK\r\n", b"X-Filler: %b\r\n" % (b"x" * 1000)),
        (b"HTTP/1.1 200 OK\r\nX-Endless: ", b"x" * 1000),
        (b"", b"HTTP/1.1 103 Early Hints\r\n\r\n" * 20),
    ],
    ids=["many headers", "one header", "interim responses"],
)
async def test_endless_head_is_refused(pool: UpstreamPool, start: bytes, repeated: bytes) -> None:
    async def script(peer: Peer) -> None:
        await peer.send(start)
        while not peer.left.is_set():
            await peer.send(repeated)
            await asyncio.sleep(0)

    async with ScriptedServer(script) as server:
        async with asyncio.timeout(5):
            with pytest.raises(ProtocolError):
                await pool.post(server.url, [], b"{}")

    assert server.peers[0].sent_bytes < 10_000_000


@pytest.mark.parametrize("endless", [b"X-Trailer: %b\r\n" % (b"x" * 1000), b"x" * 1000], ids=["many", "one"])
async def test_endless_trailers_are_refused(pool: UpstreamPool, endless: bytes) -> None:
    async def script(peer: Peer) -> None:
        await peer.send(CHUNKED + b"9\r\ndata: a\n\n\r\n0\r\nX-Trailer: x")
        while not peer.left.is_set():
            await peer.send(endless)
            await asyncio.sleep(0)

    async with ScriptedServer(script) as server:
        response = await pool.post(server.url, [], b"{}")
        async with asyncio.timeout(5):
            with pytest.raises(ProtocolError):
                await response.read(LIMIT)


async def test_long_stream_of_small_chunks_is_not_taken_for_an_endless_head(pool: UpstreamPool) -> None:
    # Every second read consists of framing only, and together they exceed the limit of a head.
    framing, body = b"1;%b" % (b"e" * 1000), b"\r\nx\r\n"
    parts = itertools.chain.from_iterable(itertools.repeat((framing, body), 100))

    async with ScriptedServer(send(CHUNKED, *parts, b"0\r\n\r\n")) as server:
        response = await pool.post(server.url, [], b"{}")
        received = await response.read(LIMIT)

    assert received == b"x" * 100
