"""The fake Ocean Engine and the callers, connected directly."""

import asyncio

from benchmarks.pipeline.callers import Calls, call
from benchmarks.pipeline.ocean_engine import OceanEngine


def _report(event_id: str) -> bytes:
    body = f'{{"event_type":"active","outer_event_id":"{event_id}"}}'
    return f"POST /api/v2/conversion HTTP/1.1\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


def _calls(ocean_engine: OceanEngine, requests: list[bytes], *, per_second: float | None) -> Calls:
    """All requests in turn; the last one repeats."""

    def next_request() -> bytes:
        return requests.pop(0) if len(requests) > 1 else requests[0]

    async def calling() -> Calls:
        async with ocean_engine.serving():
            return await call(ocean_engine.port, next_request, seconds=0.3, at_once=2, per_second=per_second)

    return asyncio.run(calling())


def test_ocean_engine_knows_what_came_twice() -> None:
    ocean_engine = OceanEngine()

    calls = _calls(ocean_engine, [_report("a"), _report("b"), _report("c")], per_second=None)

    assert calls.errors == 0
    assert set(ocean_engine.reports) == {b"a", b"b", b"c"}
    assert ocean_engine.duplicates == len(calls.latencies) - 3


def test_callers_keep_the_rate() -> None:
    calls = _calls(OceanEngine(), [_report("a")], per_second=100)

    assert calls.errors == 0
    assert 20 <= len(calls.latencies) <= 40  # at full speed it would be a thousand


def test_attribution_belongs_to_the_device() -> None:
    request = b'POST /sdk/app/attribution/ HTTP/1.1\r\n\r\n{"platform":"android","android_id":"89aaa371d65a588b"}'
    ocean_engine = OceanEngine()

    answer = ocean_engine.answer(request)

    assert b'"callback_param":"bench-89aaa371d65a588b"' in answer
    assert (ocean_engine.lookups, ocean_engine.reports) == (1, {})
