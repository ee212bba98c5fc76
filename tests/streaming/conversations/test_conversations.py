"""Stored conversations: sent upstream with their history, kept for their owner, and nowhere if storing is off."""

import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import requests
from django.db import connection

from streaming.conversations import history
from streaming.models import Completion, Conversation, Message
from tests.servers import Server, eventually
from tests.stack import Stack
from tests.streaming import app_client

CANARY = "canary-7f3e9b"


@pytest.fixture(autouse=True)
def _close_chats() -> Iterator[None]:
    yield
    app_client.close_all()


def _post(url: str, secret: str, path: str, body: Any = None) -> requests.Response:
    headers = {"Authorization": f"Bearer {secret}"}
    return requests.post(url + path, json=body or {}, headers=headers, timeout=30)


def _new(stack: Stack) -> str:
    return str(_post(stack.url, stack.key, "/api/conversations/").json()["id"])


def _say(stack: Stack, conversation: str, message: str) -> app_client.Chat:
    chat = app_client.start(stack.url, stack.key, {"conversation": conversation, "message": message})
    chat.rest()
    eventually(lambda: Completion.objects.filter(id=chat.id, state="completed").exists(), bool)
    return chat


def _whole(stack: Stack, conversation: str) -> Any:
    return app_client.get(stack.url, stack.key, f"/api/conversations/{conversation}/").json()


def test_turn_has_the_history_before_it(stack: Stack) -> None:
    conversation = _new(stack)

    first = _say(stack, conversation, "What is a delta?")
    second = _say(stack, conversation, "And an estuary?")

    usages = [chat.events[-1][2]["usage"]["prompt_tokens"] for chat in (first, second)]
    assert usages[1] > usages[0] + first.events[-1][2]["usage"]["completion_tokens"] // 2
    whole = _whole(stack, conversation)
    assert whole["title"] == "What is a delta?"
    assert [(message["role"], message["content"], message["state"]) for message in whole["messages"]] == [
        ("user", "What is a delta?", None),
        ("assistant", first.text, "completed"),
        ("user", "And an estuary?", None),
        ("assistant", second.text, "completed"),
    ]


def test_stopped_answer_is_kept_as_such(stack: Stack) -> None:
    stack.ask_sandbox("POST", "/_pace", {"tokens_per_s": 20})
    conversation = _new(stack)
    chat = app_client.start(stack.url, stack.key, {"conversation": conversation, "message": "Go"})
    chat.take(6)

    app_client.stop(stack.url, stack.key, chat.id)
    chat.rest()
    answer = _whole(stack, conversation)["messages"][1]

    assert (answer["content"], answer["state"]) == (chat.text, "stopped")


def test_stop_before_the_first_token_ends_the_answer_for_its_client(
    stack: Stack, shared_web: Callable[..., Server]
) -> None:
    other = shared_web()
    conversation = _new(stack)
    stack.ask_sandbox("POST", "/_faults", {"on": "chat", "kind": "slow_first_token", "delay_s": 60})
    chats: list[app_client.Chat] = []

    def ask() -> None:
        chats.append(app_client.start(stack.url, stack.key, {"conversation": conversation, "message": "Well?"}))
        chats[0].rest()

    asking = threading.Thread(target=ask)
    asking.start()
    eventually(lambda: stack.ledger()["chats"], bool)
    chat_id = _whole(stack, conversation)["messages"][1]["completion_id"]  # as another device of the user sees it
    stopped = app_client.stop(other.url, stack.key, chat_id)
    asking.join(10)
    again = app_client.resume(other.url, stack.key, chat_id)
    again.rest()

    assert (stopped.status_code, stopped.json()["state"]) == (200, "stopped")
    assert [(name, payload.get("finish_reason")) for _id, name, payload in chats[0].events] == [
        ("start", None),
        ("done", "stop_requested"),
    ]
    assert again.raw == chats[0].raw
    ended = eventually(lambda: stack.ledger()["chats"], lambda chats: chats[0]["disconnected"])
    assert [chat["disconnected"] for chat in ended] == [True]


def test_failed_answer_is_kept_as_such(stack: Stack) -> None:
    stack.ask_sandbox("POST", "/_faults", {"on": "chat", "kind": "cut", "times": 1, "after_chunks": 4})
    conversation = _new(stack)
    chat = app_client.start(stack.url, stack.key, {"conversation": conversation, "message": "Go"})

    chat.rest()
    answer = eventually(
        lambda: _whole(stack, conversation)["messages"][1], lambda message: message["state"] == "failed"
    )

    assert chat.events[-1][1] == "error"
    assert (answer["content"], answer["state"]) == (chat.text, "failed")


def test_list_is_newest_first_in_pages_and_only_the_owners(stack: Stack) -> None:
    mine, theirs = (app_client.mint(stack.url, stack.key, user_id) for user_id in ("u-1", "u-2"))
    ids = [_post(stack.url, mine, "/api/conversations/", {"title": str(n)}).json()["id"] for n in range(3)]
    _post(stack.url, theirs, "/api/conversations/")

    first = app_client.get(stack.url, mine, "/api/conversations/?page_size=2").json()
    second = requests.get(first["next"], headers={"Authorization": f"Bearer {mine}"}, timeout=10).json()

    assert [row["id"] for row in [*first["results"], *second["results"]]] == ids[::-1]
    assert second["next"] is None


def test_conversation_of_another_user_does_not_exist(stack: Stack) -> None:
    mine, theirs = (app_client.mint(stack.url, stack.key, user_id) for user_id in ("u-1", "u-2"))
    conversation = _post(stack.url, mine, "/api/conversations/").json()["id"]

    read = app_client.get(stack.url, theirs, f"/api/conversations/{conversation}/")
    said = _post(stack.url, theirs, "/api/chat/", {"conversation": conversation, "message": "Hi"})

    assert read.status_code == 404
    assert (said.status_code, said.json()["error"]["param"]) == (404, "conversation")
    assert Message.objects.count() == 0


def test_deleted_conversation_takes_its_texts_along(stack: Stack) -> None:
    conversation = _new(stack)
    chat = _say(stack, conversation, "Remember this")

    answer = requests.delete(
        f"{stack.url}/api/conversations/{conversation}/",
        headers={"Authorization": f"Bearer {stack.key}"},
        timeout=10,
    )

    assert answer.status_code == 204
    assert (Conversation.objects.count(), Message.objects.count()) == (0, 0)
    assert Completion.objects.get(id=chat.id).text == ""


def test_chat_that_ends_after_its_conversation_was_deleted_leaves_no_text(stack: Stack) -> None:
    stack.ask_sandbox("POST", "/_pace", {"tokens_per_s": 40})
    conversation = _new(stack)
    chat = app_client.start(stack.url, stack.key, {"conversation": conversation, "message": "Remember this"})
    chat.take(6)

    answer = requests.delete(
        f"{stack.url}/api/conversations/{conversation}/",
        headers={"Authorization": f"Bearer {stack.key}"},
        timeout=10,
    )
    app_client.stop(stack.url, stack.key, chat.id)
    chat.rest()
    completion = eventually(lambda: Completion.objects.get(id=chat.id), lambda row: row.finished_at is not None)

    assert answer.status_code == 204
    assert len(chat.text) > 3
    assert (completion.state, completion.text, completion.reasoning) == ("stopped", "", "")


def test_export_is_a_json_file(stack: Stack) -> None:
    conversation = _new(stack)
    _say(stack, conversation, "Hi")

    answer = app_client.get(stack.url, stack.key, f"/api/conversations/{conversation}/export/")

    assert answer.headers["Content-Disposition"] == f'attachment; filename="conversation-{conversation}.json"'
    assert answer.json() == _whole(stack, conversation)


def test_with_storing_off_no_text_is_kept_anywhere(stack: Stack, start_web: Callable[..., Server]) -> None:
    web = start_web(CHAT_STORE_TEXT="0", LOG_LEVEL="DEBUG", CHAT_LOG_TTL_S="1")
    body = {"messages": [{"role": "user", "content": CANARY}], "user": "u-1"}

    app_client.start(web.url, stack.key, body).rest()
    _post(web.url, stack.key, "/v1/chat/completions", {"model": "doubao", **body})
    refused = _post(web.url, stack.key, "/api/conversations/", {"title": CANARY})
    eventually(lambda: Completion.objects.filter(state="completed").count(), lambda count: count == 2)

    assert refused.status_code == 403
    assert Completion.objects.filter(user_id="u-1").count() == 2
    assert CANARY not in _dump()
    assert CANARY not in web.log


def test_with_storing_off_a_provider_that_quotes_the_user_leaves_no_text(
    stack: Stack, start_web: Callable[..., Server]
) -> None:
    web = start_web(CHAT_STORE_TEXT="0", LOG_LEVEL="DEBUG")
    body = {"model": "doubao", "stream": True, "messages": [{"role": "user", "content": "hello"}]}
    quoting = {"status": 400, "message": f"Not allowed: {CANARY}", "code": "InvalidParameter.messages"}
    codes = []
    for fault in (
        {"kind": "status", **quoting},
        {"kind": "status", "status": 400, "code": f"said {CANARY}", "message": "no"},
        {"kind": "status", "status": 502, "body": f"<html>{CANARY}</html>"},
        {"kind": "error_in_200", "code": "InvalidParameter", "message": CANARY},
        {"kind": "error_frame", "after_chunks": 2, "code": "InvalidParameter", "message": CANARY},
    ):
        stack.ask_sandbox("POST", "/_faults", {"on": "chat", **fault})
        answer = _post(web.url, stack.key, "/v1/chat/completions", body)
        codes.append(answer.status_code)
        stack.ask_sandbox("DELETE", "/_faults")
    eventually(lambda: Completion.objects.filter(state="failed").count(), lambda count: count == 5)

    assert codes == [400, 400, 503, 400, 200]
    assert CANARY not in _dump()
    assert CANARY not in web.log


def _dump() -> str:
    """Every row of every table, as text."""
    rows: list[str] = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names():
            cursor.execute(f'SELECT t::text FROM "{table}" t')  # noqa: S608  # the database's own names
            rows += [row for (row,) in cursor.fetchall()]
    return "\n".join(rows)


def _message(role: str, text: str) -> Any:
    return SimpleNamespace(role=role, content=text)


@pytest.mark.parametrize(
    ("texts", "max_tokens", "kept"),
    [
        (["a", "b", "c"], 100, ["a", "b", "c"]),
        (["a" * 300, "b", "c"], 100, ["b", "c"]),
        (["a", "", "c"], 100, ["a", "c"]),
        (["你" * 50, "好" * 50, "吗"], 60, ["好" * 50, "吗"]),
        (["x" * 3000], 10, ["x" * 3000]),
        ([], 10, []),
    ],
)
def test_history_is_trimmed_from_its_beginning(texts: list[str], max_tokens: int, kept: list[str]) -> None:
    messages = [_message("user", text) for text in texts]

    trimmed = history.trim(messages, max_tokens=max_tokens)

    assert trimmed == [{"role": "user", "content": text} for text in kept]
