"""Turns played at random: streams cut anywhere, and clients, users, the watchdog and the process acting at any moment.

In any order, a turn ends once, is recorded once, says so once, and leaves no connection behind.
"""

import asyncio
import random
import re
import time
from collections.abc import Iterator

import pytest
import redis
from django.conf import LazySettings

from streaming.models import Completion
from streaming.resuming import event_log, readers, stops
from streaming.resuming.resumable import ResumableRelay
from streaming.turns import attempt, recorder
from streaming.turns.relay import Relay
from streaming.turns.watchdog import watchdog
from streaming.wire import sse
from streaming.wire.profiles.app import AppProfile
from streaming.wire.profiles.openai import OpenAIProfile
from tests.streaming.scripted_provider import DONE, STREAM_HEAD, chunk, event
from tests.streaming.scripted_server import Peer, Script, ScriptedServer
from tests.streaming.turns.played_turn import PlayedTurn, plan

TURNS = 240
AT_ONCE = 40

USAGE = event({"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12}})
COMMENT = b": hello\n\n"
NAMED = b"id: 7\n" + chunk("seven")
TWO_IN_ONE = chunk("five")[:-1] + chunk("six")
ERRORS = [
    event({"error": {"message": "out of luck", "code": "server_error"}}),
    b'event: error\ndata: {"message": "out of luck"}\n\n',
]
FIRST = [chunk("", role="assistant"), COMMENT, chunk("one"), chunk(reasoning_content="hm"), event({"odd": 1})]
NEXT = [
    *(chunk(word) for word in ("two", "three", "four", "河口")),
    chunk(tool_calls=[{"index": 0, "id": "t", "function": {"name": "f", "arguments": ""}}]),
    TWO_IN_ONE,
    NAMED,
    COMMENT,
    b"data: no JSON\n\n",
    USAGE,
]
LAST = [
    [chunk(finish_reason="stop"), USAGE, DONE],
    [chunk(finish_reason="stop"), DONE, chunk("after the end")],
    [chunk(finish_reason="stop")],
    [DONE],
    [],
    [chunk(tool_calls="no list")],
    [b'data: {"choices": 7}\n\n', chunk(finish_reason="stop"), DONE],
    *([error] for error in ERRORS),
]
# What the OpenAI profile writes in place of bytes that it does not pass on unchanged.
CHANGED = {COMMENT: b"", USAGE: b"", NAMED: chunk("seven"), TWO_IN_ONE: chunk("five") + chunk("six")}
TERMINAL = re.compile(rb'^(?:data: \[DONE\]|data: \{"error"|event: done$|event: error$)', re.MULTILINE)
ID = re.compile(rb"^id: (\d+)$", re.MULTILINE)


def events_of_a_stream(dice: random.Random) -> list[bytes]:
    return [*dice.choices(FIRST, k=dice.randrange(3)), *dice.choices(NEXT, k=dice.randrange(6)), *dice.choice(LAST)]


def passed_on(events: list[bytes]) -> bytes:
    out = b""
    for sent in events:
        if sent == DONE or sent in ERRORS:
            return out
        out += CHANGED.get(sent, sent)
    return out


def provider(events: list[bytes], dice: random.Random) -> Script:
    sent = b"".join(events)
    cuts = sorted(dice.randrange(len(sent) + 1) for _ in range(dice.randrange(8)))
    parts = [part for start, end in zip([0, *cuts], [*cuts, len(sent)], strict=True) if (part := sent[start:end])]
    end = dice.choice(["close", "close", "reset", "hang"])
    pause_s = dice.choice([0, 0.001, 0.005])

    async def script(peer: Peer) -> None:
        await peer.send(STREAM_HEAD, *parts, pause_s=pause_s)
        if end == "close":
            peer.close()
        elif end == "reset" and not peer.left.is_set():
            peer.reset()
        else:
            await peer.hang()

    return script


async def act(turn: PlayedTurn, dice: random.Random) -> None:
    """Something that may happen at any moment. The watchdog's clock may jump by an hour."""
    relay, now = turn.relay, time.monotonic()
    what = dice.choice(["stall", "read on", "leave", "stop", "interrupt", "beat", "stalled", "idle", "total", "wait"])
    if what == "stall":
        turn.stall()
    elif what == "read on":
        turn.read_on()
    elif what == "leave":
        await turn.leave()
    elif relay.completion.attempts == 0:
        return  # nobody else knows of the turn yet
    elif what == "stop" and isinstance(relay, ResumableRelay):
        relay.stop()
    elif what == "interrupt":
        relay.interrupt()
    elif what in ("beat", "stalled", "idle", "total"):
        relay.look_after(now + {"beat": 20, "stalled": 40, "idle": 100, "total": 4_000}[what])


async def play(seed: int) -> tuple[PlayedTurn, list[bytes]]:
    """One turn, from its request to the end of its connection."""
    dice = random.Random(seed)
    events = events_of_a_stream(dice)
    async with ScriptedServer(provider(events, dice)) as server:
        if dice.random() < 0.5:
            turn = PlayedTurn(lambda on_end: Relay(plan(server, on_end), OpenAIProfile(wants_usage=False)))
        else:
            turn = PlayedTurn(lambda on_end: ResumableRelay(plan(server, on_end), AppProfile(keeps_text=True)))
        turn.begin()
        for _ in range(dice.choice([0, 1, 1, 2, 4])):
            await asyncio.sleep(dice.choice([0, 0.001, 0.003, 0.01, 0.03]))
            await act(turn, dice)
        turn.read_on()
        for _ in range(100):
            if not turn.ends:
                await asyncio.sleep(0.05)
                turn.relay.look_after(time.monotonic() + 10_000)  # its provider may hang
        await turn.until_ended()
        await turn.leave()
    return turn, events


@pytest.fixture(autouse=True)
def _in_this_process(settings: LazySettings, monkeypatch: pytest.MonkeyPatch, transactional_db: None) -> Iterator[None]:
    """A recorder that ends with the test, since its thread must not use the database afterwards."""
    settings.CHAT_FIRST_CONTENT_TIMEOUT_S = 0.3
    own = recorder.Recorder()
    monkeypatch.setattr(recorder, "_recorder", own)
    yield
    own.stop()


def test_whatever_happens_a_turn_ends_once(settings: LazySettings, caplog: pytest.LogCaptureFixture) -> None:
    seed = random.randrange(10**9)
    played = asyncio.run(_play_all(range(seed, seed + TURNS)))
    recorder.current().stop()

    ids = [turn.relay.completion.id for turn, _events in played.values()]
    recorded = Completion.objects.in_bulk(ids)
    with redis.Redis.from_url(settings.REDIS_URL) as store:
        for number, (turn, events) in played.items():
            if turn.relay.completion.attempts == 0:  # its client left before it began
                assert (turn.ends, turn.has_left) == (["streaming"], True)
                continue
            row = recorded[turn.relay.completion.id]
            log = event_log.entries_of(store.xrange(f"chat:{row.id}:events"))
            try:
                check_end(turn, row)
                if isinstance(turn.relay, ResumableRelay):
                    check_app(turn, row, log)
                else:
                    check_openai(turn, row, events)
            except AssertionError as err:
                raise AssertionError(
                    f"random.Random({number})\n{row.state} {row.error_code}\n{turn.body!r}\n{log}"
                ) from err
    assert [record for record in caplog.records if record.exc_info] == []
    # otherwise the random choices are biased
    assert {row.state for row in recorded.values()} > {"completed", "disconnected", "failed"}


async def _play_all(seeds: range) -> dict[int, tuple[PlayedTurn, list[bytes]]]:
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(seed: int) -> tuple[PlayedTurn, list[bytes]]:
        async with slots:
            return await play(seed)

    played = await asyncio.gather(*[one(seed) for seed in seeds])
    await asyncio.sleep(1.5)  # connections of whole answers are given a second to end; the watchdog's timer runs out
    assert (len(watchdog), stops.running) == (0, {})
    assert attempt.pool().open_connections == attempt.pool().idle_connections
    readers.drain()
    for shut_down in (stops.shut_down, event_log.shut_down, attempt.shut_down):
        await shut_down()
    return dict(zip(seeds, played, strict=True))


def check_end(turn: PlayedTurn, row: Completion) -> None:
    assert turn.ends == [row.state]
    assert row.state != "streaming"
    assert (row.finished_at is None, row.duration_ms is None) == (False, False)
    terminals = TERMINAL.findall(turn.body)
    assert len(terminals) <= 1
    if turn.refusal is not None:
        assert turn.body == b""
        assert row.state in ("failed", "interrupted")
    elif not turn.has_left:
        assert turn.is_complete == bool(terminals)
    if row.state == "completed":
        assert row.error_code == ""


def check_openai(turn: PlayedTurn, row: Completion, events: list[bytes]) -> None:
    passed, whole = turn.body.replace(sse.OPENAI_HEARTBEAT, b""), passed_on(events)
    if found := TERMINAL.search(passed):
        passed, terminal = passed[: found.start()], passed[found.start() :]
        assert (terminal == DONE) == (row.state == "completed")
    assert whole.startswith(passed)
    if row.state == "completed" and not turn.has_left:
        assert passed == whole


def check_app(turn: PlayedTurn, row: Completion, log: list[event_log.Entry]) -> None:
    body, logged = turn.body.replace(sse.APP_HEARTBEAT, b""), b"".join(entry.events for entry in log)
    assert logged.startswith(body)
    ids = [int(found) for found in ID.findall(logged)]
    assert ids == list(range(1, len(ids) + 1))
    if log:
        assert [entry.is_last for entry in log] == [False] * (len(log) - 1) + [True]
        assert len(TERMINAL.findall(logged)) == 1
        assert TERMINAL.search(log[-1].events)
        assert len(TERMINAL.findall(logged)) == 1
    elif not turn.has_left:
        assert turn.refusal is not None
    if turn.is_complete:
        assert body == logged
