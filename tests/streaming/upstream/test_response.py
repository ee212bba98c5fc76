"""Bodies: pushed, held back, decompressed, collected, left."""

import asyncio
import gzip
import zlib

import pytest

from streaming.upstream import BodyTooLarge, ConnectionLost, ProtocolError, UpstreamPool
from tests.streaming.scripted_server import Peer, ScriptedServer, answer, send, send_and_close
from tests.streaming.upstream.recorder import Recorder

pytestmark = pytest.mark.anyio

LIMIT = 100_000_000
BIG = bytes(range(256)) * 4096 * 32  # 32 MiB: several times what the kernel's buffers take


def with_coding(coding: bytes, body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Encoding: %b\r\nContent-Length: %d\r\n\r\n%b" % (coding, len(body), body)


async def left(peer: Peer) -> None:
    async with asyncio.timeout(1):
        await peer.left.wait()


async def test_headers_are_found_by_lower_case_name(pool: UpstreamPool) -> None:
    async with ScriptedServer(answer(b"", headers=b"Retry-After: 7\r\nX: 1\r\nX: 2\r\n")) as server:
        response = await pool.post(server.url, [], b"{}")

    assert (response.header(b"retry-after"), response.header(b"x"), response.header(b"y")) == (b"7", b"1", None)


async def test_body_that_came_before_its_receiver_is_delivered_at_once(pool: UpstreamPool) -> None:
    async with ScriptedServer(answer(b"hello")) as server:
        response = await pool.post(server.url, [], b"{}")
        await asyncio.sleep(0.05)
        recorder = Recorder()
        response.deliver_to(recorder)

    assert (recorder.reads, recorder.outcome) == ([b"hello"], "ended")


async def test_failure_that_came_before_the_receiver_is_delivered_at_once(pool: UpstreamPool) -> None:
    async with ScriptedServer(send_and_close(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello")) as server:
        response = await pool.post(server.url, [], b"{}")
        await asyncio.sleep(0.05)
        recorder = Recorder()
        response.deliver_to(recorder)

    assert recorder.reads == [b"hello"]
    assert isinstance(recorder.outcome, ConnectionLost)


async def test_second_receiver_is_refused(pool: UpstreamPool) -> None:
    async with ScriptedServer(answer(b"hello")) as server:
        response = await pool.post(server.url, [], b"{}")
        response.deliver_to(Recorder())

        with pytest.raises(RuntimeError):
            response.deliver_to(Recorder())


async def test_body_over_the_limit_is_refused_and_left(pool: UpstreamPool) -> None:
    async with ScriptedServer(send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n12345")) as server:
        response = await pool.post(server.url, [], b"{}")
        with pytest.raises(BodyTooLarge, match="4 bytes"):
            await response.read(4)
        await left(server.peers[0])


async def test_body_of_exactly_the_limit_is_read(pool: UpstreamPool) -> None:
    async with ScriptedServer(answer(b"12345")) as server:
        response = await pool.post(server.url, [], b"{}")
        body = await response.read(5)

    assert body == b"12345"


async def test_close_within_the_body_is_seen_upstream_at_once(pool: UpstreamPool) -> None:
    async def script(peer: Peer) -> None:
        while not peer.left.is_set():
            await peer.send(b"9\r\ndata: a\n\n\r\n", b"")

    async with ScriptedServer(send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"), script) as server:
        response = await pool.post(server.url, [], b"{}")
        recorder = Recorder()
        response.deliver_to(recorder)
        response.close()
        await left(server.peers[0])
        await asyncio.sleep(0.02)

    assert (recorder.reads, recorder.outcome) == ([], None)
    assert (pool.open_connections, pool.idle_connections) == (0, 0)


async def test_receiver_that_closes_hears_no_more(pool: UpstreamPool) -> None:
    async with ScriptedServer(answer(b"hello")) as server:
        response = await pool.post(server.url, [], b"{}")
        recorder = Recorder(on_read=response.close)
        response.deliver_to(recorder)
        await asyncio.sleep(0.05)

    assert (recorder.reads, recorder.outcome) == ([b"hello"], None)


async def test_receiver_that_closes_on_the_last_read_keeps_the_pool_sound(pool: UpstreamPool) -> None:
    async with ScriptedServer(send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", b"hello"), answer(b"2")) as server:
        response = await pool.post(server.url, [], b"{}")
        recorder = Recorder(on_read=response.close)
        response.deliver_to(recorder)
        await recorder.until(lambda recorder: recorder.reads != [])
        second = await pool.post(server.url, [], b"{}")
        body = await second.read(LIMIT)

    assert (recorder.outcome, body) == (None, b"2")
    assert [request.connection for request in server.requests] == [0, 1]


async def test_cancelling_before_the_head_is_seen_upstream_at_once(pool: UpstreamPool) -> None:
    async with ScriptedServer(Peer.hang) as server:
        task = asyncio.create_task(pool.post(server.url, [], b"{}"))
        await server.until_requests(1)
        task.cancel()
        await left(server.peers[0])
        with pytest.raises(asyncio.CancelledError):
            await task

    assert pool.open_connections == 0


async def test_cancelling_a_read_is_seen_upstream_at_once(pool: UpstreamPool) -> None:
    async with ScriptedServer(send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n")) as server:
        response = await pool.post(server.url, [], b"{}")
        task = asyncio.create_task(response.read(LIMIT))
        await asyncio.sleep(0.01)
        task.cancel()
        await left(server.peers[0])


async def settle(peer: Peer) -> int:
    """Wait until the server sends no more; return how much it could send."""
    sent = -1
    while sent != peer.sent_bytes:
        sent = peer.sent_bytes
        await asyncio.sleep(0.1)
    return sent


def big_script() -> tuple[bytes, list[bytes]]:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(BIG)
    return head, [BIG[start : start + 65536] for start in range(0, len(BIG), 65536)]


async def test_pause_stops_the_upstream_and_resume_goes_on(pool: UpstreamPool) -> None:
    head, parts = big_script()

    async with ScriptedServer(send(head, *parts, pause_s=0)) as server:
        response = await pool.post(server.url, [], b"{}")
        recorder = Recorder(on_read=lambda: response.pause() if len(recorder.reads) == 1 else None)
        response.deliver_to(recorder)
        sent_while_paused = await settle(server.peers[0])
        reads_while_paused = len(recorder.reads)
        response.resume()
        outcome = await recorder.finished()

    assert reads_while_paused == 1
    assert sent_while_paused < len(BIG) // 2
    assert (recorder.body == BIG, outcome) == (True, "ended")


async def test_body_without_a_receiver_waits_in_bounded_memory(pool: UpstreamPool) -> None:
    head, parts = big_script()

    async with ScriptedServer(send(head, *parts, pause_s=0)) as server:
        response = await pool.post(server.url, [], b"{}")
        sent_without_receiver = await settle(server.peers[0])
        body = await response.read(LIMIT)

    assert sent_without_receiver < len(BIG) // 2
    assert body == BIG


async def test_paused_response_that_ended_leaves_a_usable_connection(pool: UpstreamPool) -> None:
    async with ScriptedServer(send(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n", b"1"), answer(b"2")) as server:
        response = await pool.post(server.url, [], b"{}")
        recorder = Recorder(on_read=response.pause)
        response.deliver_to(recorder)
        await recorder.finished()
        second = await pool.post(server.url, [], b"{}")
        body = await second.read(LIMIT)

    assert body == b"2"
    assert [request.connection for request in server.requests] == [0, 0]


TEXT = b"data: {}\n\n" * 10_000


def raw_deflate(text: bytes) -> bytes:
    deflater = zlib.compressobj(wbits=-15)
    return deflater.compress(text) + deflater.flush()


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        (b"gzip", gzip.compress(TEXT)),
        (b"X-GZIP", gzip.compress(TEXT)),
        (b"gzip", gzip.compress(TEXT[:50]) + gzip.compress(b"") + gzip.compress(TEXT[50:])),
        (b"deflate", zlib.compress(TEXT)),
        (b"deflate", raw_deflate(TEXT)),
        (b"identity", TEXT),
    ],
    ids=["gzip", "x-gzip", "gzip members", "zlib", "raw deflate", "identity"],
)
async def test_compressed_body_is_decoded(pool: UpstreamPool, coding: bytes, body: bytes) -> None:
    wire = with_coding(coding, body)
    head = wire[: -len(body)]
    bytewise = [body[place : place + 1] for place in range(min(200, len(body)))]

    async with ScriptedServer(send(wire), send(head, *bytewise, body[len(bytewise) :])) as server:
        whole = await pool.post(server.url, [], b"{}")
        whole_text = await whole.read(LIMIT)
        cut = await pool.post(server.url, [], b"{}")
        cut_text = await cut.read(LIMIT)

    assert (whole_text, cut_text) == (TEXT, TEXT)
    assert len({request.connection for request in server.requests}) == 1


async def test_compressed_events_are_delivered_as_they_come(pool: UpstreamPool) -> None:
    # A proxy that compresses a stream flushes after each event; Django's middleware makes each its own member.
    deflater = zlib.compressobj(wbits=31)
    first = deflater.compress(b"data: a\n\n") + deflater.flush(zlib.Z_SYNC_FLUSH)
    second = deflater.compress(b"data: b\n\n") + deflater.flush()
    third = gzip.compress(b"data: c\n\n")
    head = with_coding(b"gzip", first + second + third)[: -len(first + second + third)]

    async with ScriptedServer(send(head, first, second, third, pause_s=0.02)) as server:
        response = await pool.post(server.url, [], b"{}")
        recorder = Recorder()
        response.deliver_to(recorder)
        await recorder.finished()

    assert recorder.reads == [b"data: a\n\n", b"data: b\n\n", b"data: c\n\n"]


async def test_output_that_is_left_after_all_input_is_delivered(pool: UpstreamPool) -> None:
    # 21 bytes more than a piece: zlib has taken in the last byte of input when the first piece is full.
    body = bytes(256 * 1024 + 21)

    async with ScriptedServer(send(with_coding(b"deflate", raw_deflate(body)))) as server:
        response = await pool.post(server.url, [], b"{}")
        received = await response.read(LIMIT)

    assert received == body


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        (b"gzip", gzip.compress(TEXT)[:-9]),
        (b"gzip", b"not gzip at all"),
        (b"gzip", gzip.compress(TEXT) + b"not a member"),
        (b"deflate", zlib.compress(TEXT)[:-1]),
    ],
    ids=["cut", "not gzip", "surplus", "deflate cut"],
)
async def test_broken_compression_fails(pool: UpstreamPool, coding: bytes, body: bytes) -> None:
    async with ScriptedServer(send(with_coding(coding, body))) as server:
        response = await pool.post(server.url, [], b"{}")
        recorder = Recorder()
        response.deliver_to(recorder)
        outcome = await recorder.finished()

    assert isinstance(outcome, ProtocolError)


async def test_empty_compressed_body_is_empty(pool: UpstreamPool) -> None:
    async with ScriptedServer(send(with_coding(b"gzip", b""))) as server:
        response = await pool.post(server.url, [], b"{}")
        body = await response.read(LIMIT)

    assert body == b""


async def test_decompression_bomb_comes_in_bounded_pieces(pool: UpstreamPool) -> None:
    bomb = gzip.compress(bytes(50_000_000))

    async with ScriptedServer(send(with_coding(b"gzip", bomb))) as server:
        response = await pool.post(server.url, [], b"{}")
        recorder = Recorder(on_read=response.pause)
        response.deliver_to(recorder)
        await asyncio.sleep(0.1)
        while_paused = len(recorder.body)
        while recorder.outcome is None:
            response.resume()
            await asyncio.sleep(0)

    assert while_paused == 256 * 1024
    assert (len(recorder.body), recorder.outcome) == (50_000_000, "ended")


async def test_decompression_bomb_is_refused_by_the_limit(pool: UpstreamPool) -> None:
    async with ScriptedServer(send(with_coding(b"gzip", gzip.compress(bytes(50_000_000))))) as server:
        response = await pool.post(server.url, [], b"{}")

        with pytest.raises(BodyTooLarge):
            await response.read(1_000_000)


async def test_receiver_that_resumes_at_once_is_not_called_within_its_call(pool: UpstreamPool) -> None:
    came_within: list[int] = []

    def pause_and_resume() -> None:
        reads = len(recorder.reads)
        response.pause()
        response.resume()
        came_within.append(len(recorder.reads) - reads)

    async with ScriptedServer(send(with_coding(b"gzip", gzip.compress(bytes(5_000_000))))) as server:
        response = await pool.post(server.url, [], b"{}")
        recorder = Recorder(on_read=pause_and_resume)
        response.deliver_to(recorder)
        outcome = await recorder.finished()

    assert (len(recorder.body), outcome) == (5_000_000, "ended")
    assert set(came_within) == {0}
