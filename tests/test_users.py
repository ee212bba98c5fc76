"""A user of both jobs gets another id, and is erased: through the endpoints of real processes."""

from typing import Any

import pytest
import redis
import requests
from django.conf import settings
from django.db import connection

from attribution.models import App, Conversion
from streaming.models import Completion, Conversation
from tests.servers import eventually
from tests.stack import Stack
from tests.streaming import app_client

ANON, USER, CANARY = "anon-7f3e9b", "user-7f3e9b", "canary-7f3e9b"


@pytest.fixture(autouse=True)
def _close_chats() -> Any:
    yield
    app_client.close_all()


def _as(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


def _chat_in_conversation(stack: Stack, token: str) -> tuple[str, app_client.Chat]:
    made = requests.post(f"{stack.url}/api/conversations/", json={}, headers=_as(token), timeout=10)
    conversation = str(made.json()["id"])
    chat = app_client.start(stack.url, token, {"conversation": conversation, "message": CANARY})
    chat.rest()
    eventually(lambda: Completion.objects.filter(id=chat.id, state="completed").exists(), bool)
    return conversation, chat


def _erase(stack: Stack, user_id: str) -> dict[str, int]:
    answer = requests.delete(f"{stack.url}/api/users/{user_id}/", headers=_as(stack.key), timeout=30)
    assert answer.status_code == 200, answer.text
    found: dict[str, int] = answer.json()["removed"]
    return found


def _all_rows() -> str:
    tables = [
        name
        for name in connection.introspection.table_names()
        if name.startswith(("streaming_", "attribution_conversion", "attribution_a", "attribution_click"))
    ]
    found = []
    with connection.cursor() as cursor:
        for name in tables:
            cursor.execute(f"SELECT t::text FROM {name} AS t")  # noqa: S608  # names of ours
            found += [text for (text,) in cursor.fetchall()]
    return "\n".join(found)


def test_user_keeps_the_chats_of_the_earlier_id(stack: Stack) -> None:
    anon = app_client.mint(stack.url, stack.key, ANON)
    conversation, chat = _chat_in_conversation(stack, anon)
    user = app_client.mint(stack.url, stack.key, USER)

    answer = stack.post("/api/users/alias/", {"user_id": USER, "previous_id": ANON})

    moved = answer.json()["moved"]
    assert (moved["chats"], moved["conversations"]) == (1, 1)
    whole = app_client.get(stack.url, user, f"/api/conversations/{conversation}/").json()
    assert [message["content"] for message in whole["messages"]] == [CANARY, chat.text]
    assert app_client.get(stack.url, user, f"/api/chat/{chat.id}/").json()["text"] == chat.text
    replayed = app_client.get(stack.url, user, f"/api/chat/{chat.id}/stream/?last_event_id=0")
    assert replayed.status_code == 200, replayed.text
    assert app_client.get(stack.url, anon, f"/api/conversations/{conversation}/").status_code == 404


def test_erased_user_leaves_counts_only(stack: Stack) -> None:
    event = {"event": "active", "user_id": USER, "os": "android", "android_id": "5f8c1e0b7a92d346"}
    stack.post("/api/events/", event).raise_for_status()
    eventually(lambda: Conversion.objects.filter(state="reported").exists(), bool)
    user = app_client.mint(stack.url, stack.key, USER)
    conversation, chat = _chat_in_conversation(stack, user)
    body = {"messages": [{"role": "user", "content": CANARY}], "model": "doubao", "user": USER}
    requests.post(f"{stack.url}/v1/chat/completions", json=body, headers=_as(stack.key), timeout=30)
    eventually(lambda: Completion.objects.filter(user_id=USER, state="completed").count(), lambda found: found == 2)
    tokens = set(Completion.objects.values_list("id", "completion_tokens"))

    removed = _erase(stack, USER)

    assert (removed["events"], removed["chats"], removed["conversations"], removed["messages"]) == (1, 2, 1, 2)
    assert "7f3e9b" not in _all_rows()
    assert chat.text not in _all_rows()
    assert Conversation.objects.count() == 0
    assert set(Completion.objects.values_list("id", "completion_tokens")) == tokens
    assert redis.Redis.from_url(settings.REDIS_URL).keys(f"chat:{chat.id}:*") == []
    assert app_client.get(stack.url, user, f"/api/chat/{chat.id}/").status_code == 404
    assert app_client.get(stack.url, user, f"/api/conversations/{conversation}/").status_code == 404
    assert set(_erase(stack, USER).values()) == {0}


def test_running_chat_of_an_erased_user_is_stopped(stack: Stack) -> None:
    stack.ask_sandbox("POST", "/_pace", {"tokens_per_s": 20})
    user = app_client.mint(stack.url, stack.key, USER)
    made = requests.post(f"{stack.url}/api/conversations/", json={}, headers=_as(user), timeout=10).json()
    chat = app_client.start(stack.url, user, {"conversation": made["id"], "message": CANARY})
    chat.take(3)
    eventually(lambda: Completion.objects.filter(id=chat.id).exists(), bool)

    removed = _erase(stack, USER)

    row = eventually(lambda: Completion.objects.get(id=chat.id), lambda found: found.finished_at is not None)
    assert (removed["chats"], row.state, row.text) == (1, "stopped", "")
    assert "7f3e9b" not in _all_rows()


def test_chats_of_another_apps_user_stay(stack: Stack) -> None:
    user = app_client.mint(stack.url, stack.key, USER)
    _conversation, chat = _chat_in_conversation(stack, user)
    Completion.objects.update(app_id=App.objects.create(slug="another").pk)
    Conversation.objects.update(owner="user:1:999:user-7f3e9b")

    removed = _erase(stack, USER)

    assert set(removed.values()) == {0}
    assert Completion.objects.get(id=chat.id).text == chat.text
