"""The recorder with a real database: it loses nothing, delays nothing and is delayed by nothing."""

import datetime as dt
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone

from foundation.hooks import activity
from foundation.hooks.activity import Activity
from streaming.models import Completion, ServerProcess
from streaming.turns.endings import UNTOLD_CHATS
from streaming.turns.recorder import LOST_ROWS, Recorder
from tests.servers import database_url, eventually
from tests.streaming.conftest import Serve, ask, recorded
from tests.streaming.scripted_provider import DONE, ScriptedProvider, chunk


@pytest.fixture
def recorder(transactional_db: None) -> Iterator[Recorder]:
    recorder = Recorder()
    yield recorder
    recorder.stop()


def completion(recorder: Recorder, **fields: Any) -> Completion:
    return Completion(
        profile="openai",
        is_stream=True,
        chat_model="m",
        owner="key:1",
        started_at=timezone.now(),
        process_id=recorder.process_id,
        **fields,
    )


def rows(recorder: Recorder) -> QuerySet[Completion]:
    """The rows that this recorder wrote; a server of the previous test may still be writing its last ones."""
    return Completion.objects.filter(process_id=recorder.process_id)


def states(recorder: Recorder) -> dict[uuid.UUID, str]:
    return dict(rows(recorder).values_list("id", "state"))


def test_row_is_written_and_written_again(recorder: Recorder) -> None:
    turn = completion(recorder)
    recorder.save(turn)
    at_first = eventually(lambda: states(recorder), bool)

    turn.state, turn.completion_tokens = Completion.State.COMPLETED, 7
    recorder.save(turn)
    at_last = eventually(lambda: states(recorder), lambda found: found == {turn.id: "completed"})

    assert (at_first, at_last) == ({turn.id: "streaming"}, {turn.id: "completed"})
    assert rows(recorder).get().completion_tokens == 7


def test_row_is_written_as_it_was_when_saved(recorder: Recorder) -> None:
    turn = completion(recorder, finish_reason="as saved")
    recorder.save(turn)
    turn.finish_reason = "changed since"

    recorder.stop()

    assert rows(recorder).get().finish_reason == "as saved"


def test_saving_takes_no_time(recorder: Recorder) -> None:
    turns = [completion(recorder) for _ in range(2_000)]

    began_at = time.monotonic()
    for turn in turns:
        recorder.save(turn)
    took_s = time.monotonic() - began_at
    recorder.stop()

    assert took_s < 0.5
    assert rows(recorder).count() == 2_000


def test_process_is_seen_alive_before_its_rows(recorder: Recorder) -> None:
    recorder.save(completion(recorder))

    eventually(lambda: states(recorder), bool)

    process = ServerProcess.objects.get(id=recorder.process_id)
    assert (timezone.now() - process.seen_at).total_seconds() < 10
    assert Completion.objects.mark_interrupted(timezone.now()) == 0


@pytest.mark.parametrize(
    "refused",
    [
        {"user_id": "a\0b"},
        {"user_id": "\ud800"},
        {"prompt_tokens": 2**40},
        {"prompt_tokens": -1},
        {"finish_reason": "x" * 65},
    ],
    ids=["NUL", "half a surrogate pair", "count past 32 bits", "count below 0", "too long a text"],
)
def test_refused_row_does_not_affect_others(recorder: Recorder, refused: dict[str, Any]) -> None:
    turns = [completion(recorder), completion(recorder, **refused), completion(recorder)]
    lost_before = LOST_ROWS._value.get()

    for turn in turns:
        recorder.save(turn)
    recorder.stop()

    assert set(states(recorder)) == {turns[0].id, turns[2].id}
    assert LOST_ROWS._value.get() - lost_before == 1


def test_stop_without_a_row_returns(transactional_db: None) -> None:
    Recorder().stop()


@pytest.fixture
def tell_all() -> Iterator[list[Callable[[Activity], None]]]:
    """Listeners of this test only."""
    known = list(activity._listeners)
    activity._listeners.clear()
    yield activity._listeners
    activity._listeners[:] = known


def test_completed_chat_of_a_known_user_is_told_with_its_row(
    recorder: Recorder, tell_all: list[Callable[[Activity], None]]
) -> None:
    told: list[tuple[str, int, str, int, bool]] = []

    def listen(chat: Activity) -> None:
        so_far = chat.count_between(chat.occurred_at - dt.timedelta(hours=1), chat.occurred_at)
        told.append((chat.kind, chat.app_id, chat.user_id, so_far, connection.in_atomic_block))

    tell_all.append(listen)
    now = timezone.now()
    for fields in (
        {"app_id": 7, "user_id": "u-1", "state": "completed"},
        {"app_id": 7, "user_id": "u-1", "state": "stopped"},
        {"app_id": 7, "user_id": "", "state": "completed"},
        {"app_id": None, "user_id": "u-1", "state": "completed"},
    ):
        recorder.save(completion(recorder, finished_at=now, **fields))
    recorder.stop()

    assert told == [("chat", 7, "u-1", 1, True)]


def test_failing_listener_loses_no_row_and_is_counted(
    recorder: Recorder, tell_all: list[Callable[[Activity], None]]
) -> None:
    def fail(chat: Activity) -> None:
        Completion.objects.create(state="x" * 100)

    tell_all.append(fail)
    untold_before = UNTOLD_CHATS._value.get()
    turn = completion(recorder, app_id=7, user_id="u-1", state="completed")

    recorder.save(turn)
    recorder.stop()

    assert states(recorder) == {turn.id: "completed"}
    assert UNTOLD_CHATS._value.get() - untold_before == 1


def test_chat_is_told_again_when_the_database_failed_meanwhile(
    recorder: Recorder, tell_all: list[Callable[[Activity], None]]
) -> None:
    told: list[str] = []

    def listen(chat: Activity) -> None:
        told.append(chat.user_id)
        if len(told) == 1:
            with psycopg.connect(database_url(), autocommit=True) as other:
                connection.ensure_connection()
                other.execute("SELECT pg_terminate_backend(%s)", [connection.connection.info.backend_pid])
            Completion.objects.exists()

    tell_all.append(listen)
    turn = completion(recorder, app_id=7, user_id="u-1", state="completed")

    recorder.save(turn)
    found = eventually(lambda: states(recorder), bool)

    assert found == {turn.id: "completed"}
    assert told == ["u-1", "u-1"]


@pytest.fixture
def outage() -> Iterator["Outage"]:
    outage = Outage()
    yield outage
    outage.end()


class Outage:
    """Refuses every other connection to the test database."""

    def __init__(self) -> None:
        self._name = connection.settings_dict["NAME"]
        self._maintenance = psycopg.connect(
            host=connection.settings_dict["HOST"],
            port=connection.settings_dict["PORT"],
            user=connection.settings_dict["USER"],
            password=connection.settings_dict["PASSWORD"],
            dbname="postgres",
            autocommit=True,
        )

    def begin(self) -> None:
        connection.close()
        self._maintenance.execute(f'ALTER DATABASE "{self._name}" ALLOW_CONNECTIONS false')
        self._maintenance.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [self._name]
        )

    def end(self) -> None:
        if not self._maintenance.closed:
            self._maintenance.execute(f'ALTER DATABASE "{self._name}" ALLOW_CONNECTIONS true')
            self._maintenance.close()
            connection.close()
            connection.close_pool()  # type: ignore[attr-defined]  # PostgreSQL has one; later tests would meet its dead ones


def test_turns_go_on_without_the_database_and_are_recorded_later(
    serve: Serve, provider: ScriptedProvider, key: str, outage: Outage
) -> None:
    provider.stream(chunk("a"), chunk(finish_reason="stop"), DONE)
    with serve(API_KEY_CACHE_S="60", CHAT_CATALOGUE_CACHE_S="60", may_log_tracebacks=True) as server:
        ask(server, key, model="scripted", stream=True)  # the key and the catalogue are cached from now on

        outage.begin()
        began_at = time.monotonic()
        response = ask(server, key, model="scripted", stream=True)
        took_s = time.monotonic() - began_at
        time.sleep(1)
        outage.end()

        completion = recorded(response)

    assert (response.status_code, response.content[-len(DONE) :]) == (200, DONE)
    assert took_s < 3
    assert (completion.state, completion.finish_reason) == ("completed", "stop")
