"""Bugs of our own in the middle of a turn: it ends, is recorded, and does not affect other turns."""

import asyncio
import time
from collections.abc import Iterator

import pytest
from django.conf import LazySettings

from streaming.turns import attempt, recorder
from streaming.turns.relay import Relay
from streaming.turns.watchdog import Watchdog, watchdog
from streaming.wire import sse
from streaming.wire.chunks import Chunk
from streaming.wire.profiles.openai import OpenAIProfile
from tests.streaming.scripted_provider import STREAM_HEAD, chunk
from tests.streaming.scripted_server import Peer, ScriptedServer
from tests.streaming.turns.played_turn import PlayedTurn, plan


@pytest.fixture(autouse=True)
def _own_recorder(monkeypatch: pytest.MonkeyPatch, transactional_db: None) -> Iterator[None]:
    own = recorder.Recorder()
    monkeypatch.setattr(recorder, "_recorder", own)
    yield
    own.stop()


class BrokenFormat(OpenAIProfile):
    """A client format with a bug that this word triggers."""

    def __init__(self, word: str) -> None:
        super().__init__(wants_usage=False)
        self._word = word

    def chunk(self, event: sse.Event, chunk: Chunk | None) -> bytes:
        self._look_at(chunk)
        return super().chunk(event, chunk)

    def midway(self, read: bytes, chunk: Chunk) -> bytes:
        self._look_at(chunk)
        return super().midway(read, chunk)

    def _look_at(self, chunk: Chunk | None) -> None:
        for choice in (chunk and chunk.choices) or ():
            if choice.delta is not None and choice.delta.content == self._word:
                raise KeyError(self._word)


async def _play(word: str, *parts: bytes) -> PlayedTurn:
    async def script(peer: Peer) -> None:
        await peer.send(STREAM_HEAD + parts[0], *parts[1:], pause_s=0.05)
        await peer.hang()

    async with ScriptedServer(script) as server:
        turn = PlayedTurn(lambda on_end: Relay(plan(server, on_end), BrokenFormat(word)))
        turn.begin()
        await turn.until_ended()
        await asyncio.wait_for(server.peers[0].left.wait(), 1)
        await turn.leave()
    await attempt.shut_down()
    assert len(watchdog) == 0
    return turn


@pytest.mark.parametrize(
    ("parts", "passed"),
    [
        pytest.param([chunk("one"), chunk("two"), chunk("bug")], chunk("one") + chunk("two"), id="alone in its read"),
        pytest.param([chunk("one"), chunk("two") + chunk("bug")], chunk("one"), id="behind another in its read"),
    ],
)
def test_turn_that_broke_off_says_so_and_is_recorded(parts: list[bytes], passed: bytes) -> None:
    turn = asyncio.run(_play("bug", *parts))

    assert turn.body.startswith(passed + b'data: {"error":{"message":"Something went wrong on our side."')
    assert turn.is_complete
    completion = turn.relay.completion
    assert (turn.ends, completion.error_code) == (["failed"], "internal_error")


@pytest.mark.parametrize("parts", [[chunk("bug")], [chunk("", role="assistant"), chunk("bug")]])
def test_turn_that_broke_off_at_its_first_content_is_refused(parts: list[bytes]) -> None:
    turn = asyncio.run(_play("bug", *parts))

    assert (turn.body, turn.refusal and turn.refusal.status) == (b"", 500)
    assert (turn.ends, turn.relay.completion.error_code) == (["failed"], "internal_error")


class Counting:
    """An open turn that a test may break."""

    def __init__(self, *, is_broken: bool) -> None:
        self.is_broken = is_broken
        self.said: list[str] = []

    def look_after(self, now: float) -> None:
        self._note("look after")

    def interrupt(self) -> None:
        self._note("interrupt")

    def break_off(self) -> None:
        self.said.append("break off")

    def _note(self, what: str) -> None:
        self.said.append(what)
        if self.is_broken:
            raise KeyError(what)


def test_broken_turn_affects_neither_timeouts_nor_ends_of_others(settings: LazySettings) -> None:
    settings.DRAIN_S = 0.6
    turns = [Counting(is_broken=number % 2 == 0) for number in range(10)]
    dog = Watchdog()

    async def live() -> None:
        for turn in turns:
            dog.add(turn)
        dog.drain()
        give_up_at = time.monotonic() + 5
        while not all("interrupt" in turn.said for turn in turns):
            assert time.monotonic() < give_up_at, [turn.said for turn in turns]
            await asyncio.sleep(0.01)

    asyncio.run(live())

    for turn in turns:
        assert turn.said.count("look after") >= 2
        assert turn.said.count("break off") == (turn.said.count("look after") + 1) * turn.is_broken
