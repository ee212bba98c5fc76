"""App profile chats over two web processes: resumed, stopped, abandoned, and orphaned."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis

from streaming.models import Completion
from streaming.resuming import event_log
from tests.servers import Server, eventually
from tests.stack import Processes, Stack
from tests.streaming import app_client

StartWeb = Callable[..., Server]

GONE = {
    "code": "client_gone",
    "message": "Nobody was reading the answer any more, so it was cancelled.",
    "retryable": True,
}


@pytest.fixture(autouse=True)
def _close_chats() -> Iterator[None]:
    yield
    app_client.close_all()


@pytest.fixture
def slow_stack(stack: Stack) -> Stack:
    """A sandbox slow enough for a test to act in mid-answer."""
    stack.ask_sandbox("POST", "/_pace", {"tokens_per_s": 40})
    return stack


def hurry(stack: Stack) -> None:
    """Let the sandbox go at full speed from now on, in running answers too."""
    stack.ask_sandbox("POST", "/_pace", {"tokens_per_s": 0})


def age(chat_id: str, processes: Processes) -> None:
    """Make it look as if the producer had been silent for `event_log.ALIVE_FOR_S`."""
    with redis.Redis.from_url(processes.environment["REDIS_URL"]) as store:
        store.delete(f"chat:{chat_id}:alive")


def _state(chat_id: str) -> str:
    """The recorded state, once it is no longer `streaming`."""
    read = Completion.objects.filter(id=chat_id).values_list("state", flat=True).first
    return str(eventually(read, lambda state: state not in (None, "streaming")))


def test_chat_resumes_on_another_process_without_gap_or_repeat(slow_stack: Stack, shared_web: StartWeb) -> None:
    other = shared_web()
    first = app_client.start(slow_stack.url, slow_stack.key)
    first.take(8)
    first.leave()

    second = app_client.resume(other.url, slow_stack.key, first.id, after=8)
    second.take(5)
    second.leave()
    third = app_client.resume(slow_stack.url, slow_stack.key, first.id, after=13)
    hurry(slow_stack)
    third.rest()
    whole = app_client.resume(other.url, slow_stack.key, first.id)
    whole.rest()

    ids = [event[0] for event in [*first.events[:8], *second.events[:5], *third.events]]
    assert ids == list(range(1, len(ids) + 1))
    assert [name for _id, name, _payload in whole.events if name not in ("start", "delta")] == ["done"]
    assert whole.text == first.text + second.text + third.text
    assert _state(first.id) == "completed"


def test_readers_at_once_get_the_same_bytes(slow_stack: Stack, shared_web: StartWeb) -> None:
    webs = [slow_stack.url, shared_web().url]
    first = app_client.start(slow_stack.url, slow_stack.key)
    first.take(3)

    readers = [app_client.resume(webs[number % 2], slow_stack.key, first.id) for number in range(6)]
    threads = [threading.Thread(target=reader.rest) for reader in [first, *readers]]
    for thread in threads:
        thread.start()
    hurry(slow_stack)
    for thread in threads:
        thread.join(30)

    assert [reader.raw for reader in readers] == [first.raw] * 6
    assert first.events[-1][1] == "done"


def test_stop_on_another_process_ends_the_answer_for_all(slow_stack: Stack, shared_web: StartWeb) -> None:
    other = shared_web()
    first = app_client.start(slow_stack.url, slow_stack.key)
    first.take(6)

    answer = app_client.stop(other.url, slow_stack.key, first.id)
    first.rest()

    last_id, name, payload = first.events[-1]
    assert (name, payload["finish_reason"]) == ("done", "stop_requested")
    assert payload["usage"]["completion_tokens"] > 0
    assert (answer.status_code, answer.json()["state"]) == (200, "stopped")
    row = Completion.objects.get(id=first.id)
    assert row.completion_tokens == payload["usage"]["completion_tokens"]
    assert last_id < 40
    chats = eventually(lambda: slow_stack.ledger()["chats"], lambda chats: chats[0]["disconnected"])
    assert [chat["disconnected"] for chat in chats] == [True]


def test_chat_that_ended_is_replayed_to_its_end(stack: Stack) -> None:
    first = app_client.start(stack.url, stack.key)
    first.rest()

    again = app_client.resume(stack.url, stack.key, first.id)
    again.rest()
    nothing_new = app_client.resume(stack.url, stack.key, first.id, after=first.events[-1][0] - 1)
    nothing_new.rest()

    assert again.raw == first.raw
    assert nothing_new.events == first.events[-1:]


def test_fully_read_chat_is_204_and_beyond_its_end_410(stack: Stack) -> None:
    first = app_client.start(stack.url, stack.key)
    first.rest()
    path = f"/api/chat/{first.id}/stream/"
    last_id = first.events[-1][0]
    eventually(
        lambda: app_client.get(stack.url, stack.key, f"/api/chat/{first.id}/").json()["last_event_id"], last_id.__eq__
    )

    all_read = app_client.get(stack.url, stack.key, f"{path}?last_event_id={last_id}")
    beyond = app_client.get(stack.url, stack.key, f"{path}?last_event_id={last_id + 1}")

    assert (all_read.status_code, all_read.content) == (204, b"")
    assert (beyond.status_code, beyond.json()["error"]["code"]) == (410, "gone")


def test_reader_beyond_the_end_is_let_go_when_the_chat_ends(slow_stack: Stack, processes: Processes) -> None:
    first = app_client.start(slow_stack.url, slow_stack.key)
    first.take(3)

    ahead = app_client.resume(slow_stack.url, slow_stack.key, first.id, after=10_000)
    hurry(slow_stack)
    assert _state(first.id) == "completed"
    age(first.id, processes)
    ahead.rest()

    assert ahead.events == []


def test_log_that_was_cut_at_its_front_is_410(slow_stack: Stack, processes: Processes) -> None:
    first = app_client.start(slow_stack.url, slow_stack.key)
    first.take(40)  # more than one entry
    hurry(slow_stack)
    first.rest()
    assert _state(first.id) == "completed"
    with redis.Redis.from_url(processes.environment["REDIS_URL"]) as store:
        store.xtrim(f"chat:{first.id}:events", maxlen=1, approximate=False)
        kept = store.xrange(f"chat:{first.id}:events")[0][1][b"events"]

    whole = app_client.get(slow_stack.url, slow_stack.key, f"/api/chat/{first.id}/stream/")
    end = app_client.resume(slow_stack.url, slow_stack.key, first.id, after=event_log.first_event_id(kept) - 1)
    end.rest()

    assert (whole.status_code, whole.json()["error"]["code"]) == (410, "gone")
    assert end.raw == kept


def test_stop_right_after_the_start_stops(slow_stack: Stack, shared_web: StartWeb) -> None:
    other = shared_web()

    answers = []
    for url in (slow_stack.url, other.url):
        chat = app_client.start(slow_stack.url, slow_stack.key)
        chat.take(1)
        answers.append(app_client.stop(url, slow_stack.key, chat.id))
        assert chat.rest()[-1][2]["finish_reason"] == "stop_requested"

    assert [(answer.status_code, answer.json()["state"]) for answer in answers] == [(200, "stopped")] * 2


def test_chat_whose_log_is_gone_is_410_with_its_state_kept(stack: Stack, start_web: StartWeb) -> None:
    web = start_web(CHAT_LOG_TTL_S="1")
    first = app_client.start(web.url, stack.key)
    first.rest()
    assert _state(first.id) == "completed"

    path = f"/api/chat/{first.id}/stream/"
    answer = eventually(lambda: app_client.get(web.url, stack.key, path), lambda got: got.status_code == 410)
    state = app_client.get(web.url, stack.key, f"/api/chat/{first.id}/").json()

    assert answer.json()["error"]["code"] == "gone"
    assert (state["state"], state["finish_reason"], state["text"]) == ("completed", "stop", None)
    assert state["usage"]["completion_tokens"] > 0


def test_state_shows_the_text_so_far(slow_stack: Stack) -> None:
    first = app_client.start(slow_stack.url, slow_stack.key)
    first.take(6)

    read = lambda: app_client.get(slow_stack.url, slow_stack.key, f"/api/chat/{first.id}/").json()  # noqa: E731
    state = eventually(read, lambda state: state.get("text"))
    hurry(slow_stack)
    first.rest()

    assert state["state"] == "streaming"
    assert first.text.startswith(state["text"])


@pytest.mark.parametrize("verb", ["stream", "state", "stop"])
def test_chat_of_another_user_does_not_exist(stack: Stack, verb: str) -> None:
    mine = app_client.mint(stack.url, stack.key, "u-1")
    theirs = app_client.mint(stack.url, stack.key, "u-2")
    chat = app_client.start(stack.url, mine)
    chat.rest()
    assert _state(chat.id) == "completed"

    if verb == "stop":
        answers = [app_client.stop(stack.url, secret, chat.id) for secret in (theirs, stack.key)]
    else:
        path = f"/api/chat/{chat.id}/stream/" if verb == "stream" else f"/api/chat/{chat.id}/"
        answers = [app_client.get(stack.url, secret, path) for secret in (theirs, stack.key)]

    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].json()["error"]["code"] == "not_found"


def test_killed_producer_leaves_its_readers_an_error(
    slow_stack: Stack, processes: Processes, start_web: StartWeb
) -> None:
    doomed = start_web()
    slow_stack.ask_sandbox("POST", "/_pace", {"tokens_per_s": 5})
    first = app_client.start(doomed.url, slow_stack.key)
    first.take(3)
    readers = [app_client.resume(slow_stack.url, slow_stack.key, first.id) for _ in range(2)]
    for reader in readers:
        reader.take(2)

    os.killpg(doomed.process.pid, signal.SIGKILL)
    doomed.wait()
    age(first.id, processes)
    for reader in readers:
        reader.rest()

    name, payload = readers[0].events[-1][1:]
    assert (name, payload["code"], payload["retryable"]) == ("error", "interrupted", True)
    assert readers[0].raw == readers[1].raw


def test_chat_that_nobody_reads_is_cancelled_after_its_grace_time(slow_stack: Stack, start_web: StartWeb) -> None:
    web = start_web(CHAT_GRACE_S="0.5")
    slow_stack.ask_sandbox("POST", "/_pace", {"tokens_per_s": 5})
    chat = app_client.start(web.url, slow_stack.key)
    chat.take(3)

    chat.leave()
    state = _state(chat.id)

    assert state == "disconnected"
    row = Completion.objects.get(id=chat.id)
    assert (row.error_code, row.completion_tokens is not None) == ("client_gone", True)
    late = app_client.resume(web.url, slow_stack.key, chat.id)
    assert late.rest()[-1][1:] == ("error", GONE)


def test_chat_goes_on_while_another_process_reads_it(slow_stack: Stack, start_web: StartWeb) -> None:
    grace_s = 4.0  # a reader elsewhere is noticed every 3 s
    web = start_web(CHAT_GRACE_S=str(grace_s))
    slow_stack.ask_sandbox("POST", "/_pace", {"tokens_per_s": 8})
    chat = app_client.start(web.url, slow_stack.key)
    chat.take(2)
    reader = app_client.resume(slow_stack.url, slow_stack.key, chat.id)

    chat.leave()
    left_at = time.monotonic()
    while time.monotonic() - left_at < grace_s + 1:
        reader.take(1)
    hurry(slow_stack)
    reader.rest()

    assert reader.events[-1][1] == "done"
    assert _state(chat.id) == "completed"


def test_without_redis_a_chat_streams_and_says_that_it_cannot_be_resumed(stack: Stack, shared_web: StartWeb) -> None:
    web = shared_web(REDIS_URL="redis://127.0.0.1:1/0")

    chat = app_client.start(web.url, stack.key)
    chat.rest()
    answer = app_client.get(web.url, stack.key, f"/api/chat/{chat.id}/stream/")

    assert chat.events[0][2] == {"id": chat.id, "model": "doubao", "resumable": False}
    assert chat.events[-1][1] == "done"
    assert answer.status_code == 503
    assert _state(chat.id) == "completed"


@pytest.mark.parametrize("last_event_id", ["-1", "x", "1.5", "9" * 30])
def test_invalid_last_event_id_is_refused(stack: Stack, last_event_id: str) -> None:
    path = f"/api/chat/00000000-0000-4000-8000-000000000000/stream/?last_event_id={last_event_id}"

    answer = app_client.get(stack.url, stack.key, path)

    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "last_event_id")


def test_unread_chats_have_a_budget(slow_stack: Stack, start_web: StartWeb) -> None:
    web = start_web(CHAT_MAX_DETACHED="1")
    slow_stack.ask_sandbox("POST", "/_pace", {"tokens_per_s": 5})
    chats = [app_client.start(web.url, slow_stack.key) for _ in range(2)]
    for chat in chats:
        chat.take(2)

    for chat in chats:
        chat.leave()
    cancelled = eventually(lambda: _count(state="disconnected"), lambda count: count == 1)

    assert (cancelled, _count(state="streaming")) == (1, 1)
    cancelled_id = str(Completion.objects.get(state="disconnected").id)
    late = app_client.resume(web.url, slow_stack.key, cancelled_id)
    assert late.rest()[-1][1:] == ("error", GONE)


def test_client_that_leaves_a_chat_without_a_log_cancels_it(stack: Stack, shared_web: StartWeb) -> None:
    web = shared_web(REDIS_URL="redis://127.0.0.1:1/0")
    stack.ask_sandbox("POST", "/_pace", {"tokens_per_s": 5})
    chat = app_client.start(web.url, stack.key)
    chat.take(3)

    chat.leave()

    assert _state(chat.id) == "disconnected"
    assert Completion.objects.get(id=chat.id).error_code == ""


def _count(**state: Any) -> int:
    return Completion.objects.filter(**state).count()
