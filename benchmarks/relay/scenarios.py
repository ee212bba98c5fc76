"""What is done to each relay, and the resulting figures.

Every scenario is one run of one relay and returns its figures by name; "direct" is the same load without a relay, by
which the delay that the relay adds is known.
"""

import asyncio
import time
from collections.abc import Callable

from benchmarks import cores
from benchmarks.figures import percentile
from benchmarks.peers import Relay
from benchmarks.relay.client import Client, Tally, connect
from benchmarks.relay.provider import Provider, Script

Figures = dict[str, float]

INTERVAL_S = 0.02  # 50 tokens a second
MAX_ADDED_DELAY_MS = 50.0
_MIN_DELIVERED = 0.97
_FULL_SHARE = 0.95  # of a core
_FIRST_TRY = 32
_NEVER_S = 3600.0
_OPENED_AT_ONCE = 10  # connections, each 10 ms
_BEGIN_TIMEOUT_S = 30.0
_SETTLE_S = 0.5
_ABORT_TIMEOUT_S = 5.0
_LEAVE_TIMEOUT_S = 2.0
_REST_S = 0.2
_RESTING_SHARE = 0.1  # of a core
_REST_TIMEOUT_S = 10.0


class Window:
    """The CPU that a relay and the load use between two moments."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay
        self._began_at = time.monotonic()
        self._server_s = self._server_cpu_s()
        self._load_s = time.process_time()

    def close(self) -> None:
        self.seconds = time.monotonic() - self._began_at
        self.server_s = self._server_cpu_s() - self._server_s
        self.load_s = time.process_time() - self._load_s

    def shares(self) -> Figures:
        """Of one core each."""
        return {"server_share": self.server_s / self.seconds, "load_share": self.load_s / self.seconds}

    def _server_cpu_s(self) -> float:
        return cores.usage(self._relay.pid).cpu_s if self._relay.process else 0.0


async def unpaced(relay: Relay, provider: Provider, *, tokens: int, at_once: int, seconds: float) -> Figures:
    """Streams one after the other on `at_once` connections, as fast as they come."""
    provider.play(Script(tokens=tokens, interval_s=None))
    tally = Tally()
    is_over = False
    idle: asyncio.Queue[None] = asyncio.Queue()

    def go_on(client: Client) -> None:
        if is_over or client.is_closed:
            idle.put_nowait(None)
        else:
            client.ask()

    clients = await _open(relay, tally, at_once, tokens=tokens, on_end=go_on)
    await asyncio.sleep(_SETTLE_S)
    completed, seen = tally.completed, len(tally.delays)
    window = Window(relay)
    await asyncio.sleep(seconds)
    window.close()
    streams, chunks = tally.completed - completed, len(tally.delays) - seen
    is_over = True
    for _ in clients:
        await asyncio.wait_for(idle.get(), _BEGIN_TIMEOUT_S)
    await _leave(clients, relay, provider)
    return {
        "streams_per_s": streams / window.seconds,
        "cpu_ms_per_stream": _ratio(window.server_s * 1e3, streams),
        "cpu_us_per_chunk": _ratio(window.server_s * 1e6, chunks),
        "first_token_p50_ms": percentile(tally.first_tokens, 50) / 1e6,
        "first_token_p99_ms": percentile(tally.first_tokens, 99) / 1e6,
        "errors": sum(tally.errors.values()),
        **window.shares(),
    }


async def paced(relay: Relay, provider: Provider, *, streams: int, seconds: float) -> Figures:
    """Endless streams of 50 tokens a second each, looked at for some seconds in their midst."""
    provider.play(Script(tokens=None, interval_s=INTERVAL_S))
    tally = Tally()
    clients = await _open(relay, tally, streams, tokens=None)
    await _first_tokens(clients)
    await asyncio.sleep(_SETTLE_S)
    del tally.delays[:]
    window = Window(relay)
    await asyncio.sleep(seconds)
    window.close()
    delays = tally.delays[:]
    silent = sum(not client.has_first_token for client in clients)
    used = cores.usage(relay.pid) if relay.process else None
    await _leave(clients, relay, provider)
    return {
        "chunks_per_s": len(delays) / window.seconds,
        "delivered": len(delays) / (window.seconds * streams / INTERVAL_S),
        "cpu_us_per_chunk": _ratio(window.server_s * 1e6, len(delays)),
        "delay_p50_ms": percentile(delays, 50) / 1e6,
        "delay_p99_ms": percentile(delays, 99) / 1e6,
        "first_token_p50_ms": percentile(tally.first_tokens, 50) / 1e6,
        "first_token_p99_ms": percentile(tally.first_tokens, 99) / 1e6,
        "threads": used.threads if used else 0,
        "errors": sum(tally.errors.values()) + silent,
        **window.shares(),
    }


async def idle(relay: Relay, provider: Provider, *, streams: int) -> Figures:
    """Streams that have had their first token and wait: what an open stream holds."""
    provider.play(Script(tokens=None, interval_s=_NEVER_S))
    before = cores.usage(relay.pid)
    tally = Tally()
    clients = await _open(relay, tally, streams, tokens=None)
    await _first_tokens(clients)
    await asyncio.sleep(_SETTLE_S)
    after = cores.usage(relay.pid)
    errors = sum(tally.errors.values()) + sum(not client.has_first_token for client in clients)
    await _leave(clients, relay, provider)
    return {
        "rss_kb_per_stream": (after.rss_bytes - before.rss_bytes) / 1024 / streams,
        "threads_per_stream": (after.threads - before.threads) / streams,
        "errors": errors,
    }


async def abort(relay: Relay, provider: Provider, *, times: int) -> Figures:
    """The time from the client's departure to the relay's."""
    provider.play(Script(tokens=None, interval_s=INTERVAL_S))
    latencies: list[float] = []
    missed = 0
    for _ in range(times):
        left = asyncio.Event()
        provider.on_left = left.set
        clients = await _open(relay, Tally(), 1, tokens=None)
        await _first_tokens(clients)
        left.clear()
        left_at = time.monotonic()
        for client in clients:
            client.leave()
        try:
            async with asyncio.timeout(_ABORT_TIMEOUT_S):
                await left.wait()
        except TimeoutError:
            missed += 1
            provider.drop_all()
        else:
            latencies.append((time.monotonic() - left_at) * 1e3)
    provider.on_left = lambda: None
    await _rest(relay)
    return {
        "abort_p50_ms": percentile(latencies, 50),
        "abort_max_ms": max(latencies, default=float("nan")),
        "errors": missed,
    }


async def most_streams(relay: Relay, provider: Provider, *, seconds: float) -> Figures:
    """The largest number of paced streams whose p99 of the added delay stays under `MAX_ADDED_DELAY_MS`.

    Doubled until it fails, then bisected to a sixteenth. `is_load_limit`: it was the load's core that was full.
    """
    direct = Relay(name="direct", port=provider.port)
    good, bad, load_share = 0, 0, 0.0
    while (streams := _next_try(good, bad)) is not None:
        straight = await paced(direct, provider, streams=streams, seconds=1)
        figures = await paced(relay, provider, streams=streams, seconds=seconds)
        load_share = figures["load_share"]
        is_good = (
            figures["errors"] == 0
            and figures["delivered"] > _MIN_DELIVERED
            and figures["delay_p99_ms"] - straight["delay_p99_ms"] < MAX_ADDED_DELAY_MS
        )
        good, bad = (streams, bad) if is_good else (good, streams)
    return {"streams": good, "is_load_limit": float(load_share > _FULL_SHARE), "errors": 0}


def _next_try(good: int, bad: int) -> int | None:
    if not bad:
        return good * 2 if good else _FIRST_TRY
    step = max((bad - good) // 2, 1)
    return good + step if bad - good > max(good // 16, 2) else None


def _ratio(value: float, count: int) -> float:
    return value / count if count else float("nan")


def _ignore(client: Client) -> None: ...


async def _open(
    relay: Relay, tally: Tally, count: int, *, tokens: int | None, on_end: Callable[[Client], None] = _ignore
) -> list[Client]:
    clients = []
    for number in range(count):
        client = await connect(relay, tally, on_end, tokens=tokens)
        if client is not None:
            clients.append(client)
        if number % _OPENED_AT_ONCE == _OPENED_AT_ONCE - 1:
            await asyncio.sleep(0.01)
    return clients


async def _first_tokens(clients: list[Client]) -> None:
    await _until(
        lambda: all(client.has_first_token or client.is_closed for client in clients), within_s=_BEGIN_TIMEOUT_S
    )


async def _leave(clients: list[Client], relay: Relay, provider: Provider) -> None:
    """End all streams, including those that the relay keeps open, and let it settle before the next scenario."""
    for client in clients:
        client.leave()
    await _until(lambda: not provider.playing, within_s=_LEAVE_TIMEOUT_S)
    provider.drop_all()
    await _rest(relay)


async def _rest(relay: Relay) -> None:
    if relay.process is None:
        return
    give_up_at = time.monotonic() + _REST_TIMEOUT_S
    is_busy = True
    while is_busy and time.monotonic() < give_up_at:
        window = Window(relay)
        await asyncio.sleep(_REST_S)
        window.close()
        is_busy = window.server_s > _REST_S * _RESTING_SHARE


async def _until(is_so: Callable[[], bool], *, within_s: float) -> None:
    """Wait until it is true, within the limit."""
    give_up_at = time.monotonic() + within_s
    while not is_so() and time.monotonic() < give_up_at:  # noqa: ASYNC110  # a condition over hundreds of clients
        await asyncio.sleep(0.02)
