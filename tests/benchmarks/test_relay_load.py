"""The fake provider and the load client, connected directly: what they count is what was sent."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from benchmarks.peers import Relay
from benchmarks.relay import scenarios
from benchmarks.relay.client import Client, Tally
from benchmarks.relay.provider import Provider


@pytest.fixture
def run() -> Callable[..., scenarios.Figures]:
    def running(scenario: Callable[[Relay, Provider], Awaitable[scenarios.Figures]]) -> scenarios.Figures:
        async def straight() -> scenarios.Figures:
            provider = Provider()
            async with provider.serving():
                return await scenario(Relay(name="direct", port=provider.port), provider)

        return asyncio.run(straight())

    return running


def test_unpaced_streams_are_whole(run: Callable[..., scenarios.Figures]) -> None:
    figures = run(lambda relay, provider: scenarios.unpaced(relay, provider, tokens=7, at_once=3, seconds=0.2))

    assert figures["errors"] == 0
    assert figures["streams_per_s"] > 0
    assert figures["first_token_p50_ms"] > 0


def test_paced_streams_keep_the_pace(run: Callable[..., scenarios.Figures]) -> None:
    figures = run(lambda relay, provider: scenarios.paced(relay, provider, streams=10, seconds=1.0))

    assert figures["errors"] == 0
    assert 0.7 < figures["delivered"] < 1.3
    assert figures["chunks_per_s"] == pytest.approx(500, rel=0.3)
    assert 0 < figures["delay_p50_ms"] <= figures["delay_p99_ms"]


class _Wire(asyncio.Transport):
    """The client's end of a connection that sends nothing anywhere."""

    def write(self, data: object) -> None: ...

    def abort(self) -> None: ...


def _tally_of(reads: list[bytes], *, tokens: int) -> Tally:
    tally = Tally()
    client = Client(Relay(name="", port=0), tally, lambda client: None, tokens=tokens)
    client.connection_made(_Wire())
    for read in reads:
        client.data_received(read)
    return tally


_HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
_FIRST, _SECOND = (b"a\r\n@%019d;\n\n\r\n" % stamp for stamp in (1, 2))
_END = b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n"


@pytest.mark.parametrize(
    "reads",
    [
        [_HEAD, _FIRST, _SECOND, _END],
        [_HEAD + _FIRST + _SECOND + _END],
        [_HEAD, _FIRST[:10], _FIRST[10:], _SECOND + _END[:-5], _END[-5:]],
        [_HEAD, _FIRST + _SECOND[:4], _SECOND[4:], _END[:-2], _END[-2:]],
        [_HEAD, _FIRST[:12] + b"\r\n1f\r\n" + _FIRST[12:], _SECOND, _END],  # another HTTP chunk begins within the stamp
    ],
)
def test_client_finds_every_stamp_however_it_is_cut(reads: list[bytes]) -> None:
    tally = _tally_of(reads, tokens=2)

    assert (tally.completed, tally.errors, len(tally.delays)) == (1, {}, 2)


@pytest.mark.parametrize(
    ("reads", "error"),
    [
        ([_HEAD, _FIRST, _END], "tokens lost"),
        ([_HEAD, _FIRST, _SECOND, b"0\r\n\r\n"], "no terminal event"),
        ([b"HTTP/1.1 503 Service Unavailable\r\n\r\n"], "HTTP/1.1 503 Service Unavailable"),
    ],
)
def test_client_counts_what_is_wrong(reads: list[bytes], error: str) -> None:
    tally = _tally_of(reads, tokens=2)

    assert (tally.completed, tally.errors) == (0, {error: 1})
