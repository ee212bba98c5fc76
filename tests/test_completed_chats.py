"""From completed chats to the key behaviour: two apps that know nothing of each other, in real processes."""

import pytest
import requests
from django.contrib.auth.models import User
from django.utils import timezone

from attribution.models import App, Conversion
from streaming.models import Completion
from tests.servers import eventually
from tests.stack import Stack
from tests.streaming import app_client

ANDROID_ID = "5f8c1e0b7a92d346"


@pytest.fixture
def three_chats(stack: Stack) -> Stack:
    """The app's key behaviour is three completed chats; user u-1 is active."""
    App.objects.update(key_behaviour_event="chat", key_behaviour_count=3, key_behaviour_hours=24)
    event = {"event": "active", "user_id": "u-1", "os": "android", "android_id": ANDROID_ID}
    stack.post("/api/events/", event).raise_for_status()
    return stack


def chat(stack: Stack, user_id: str = "u-1", **fields: object) -> None:
    body = {"messages": [{"role": "user", "content": "Hi"}], "model": "doubao", "user": user_id, **fields}
    requests.post(
        f"{stack.url}/v1/chat/completions", json=body, headers={"Authorization": f"Bearer {stack.key}"}, timeout=30
    )


def ended(count: int) -> int:
    """Wait until this many chats of this test's caller are recorded as ended, with all consequences.

    The chats that an earlier test walked away from end some time later, and are of a caller that is gone.
    """
    rows = Completion.objects.filter(caller=User.objects.get()).exclude(state=Completion.State.STREAMING)
    return eventually(rows.count, lambda found: found == count)


def key_behaviours() -> list[tuple[str, str]]:
    return list(Conversion.objects.filter(event="game_addiction").values_list("user_id", "rule"))


def test_completed_chats_are_the_key_behaviour_and_reported_once(three_chats: Stack) -> None:
    app_client.start(three_chats.url, app_client.mint(three_chats.url, three_chats.key, "u-1")).rest()
    chat(three_chats, stream=True)
    assert (ended(2), key_behaviours()) == (2, [])

    chat(three_chats)
    chat(three_chats)

    assert (ended(4), key_behaviours()) == (4, [("u-1", "3 × chat within 24 h of the activation")])
    reports = eventually(lambda: three_chats.ledger()["conversions"], lambda found: len(found) == 2)
    sent = sorted((report["event_type"], report["sends"]) for report in reports)
    assert sent == [("active", 1), ("game_addiction", 1)]


def test_only_completed_chats_of_the_user_count(three_chats: Stack) -> None:
    chat(three_chats)
    chat(three_chats)
    three_chats.ask_sandbox("POST", "/_faults", {"on": "chat", "kind": "cut", "times": 1, "after_chunks": 4})
    chat(three_chats, stream=True)
    chat(three_chats, user_id="u-2")
    chat(three_chats, user_id="")

    assert ended(5) == 5
    assert key_behaviours() == []
    mine = Completion.objects.completed_by(app_id=App.objects.get().pk, user_id="u-1")
    assert mine.filter(finished_at__lte=timezone.now()).count() == 2


@pytest.mark.parametrize("is_stream", [True, False], ids=["stream", "whole"])
@pytest.mark.parametrize(
    ("reason", "after_chunks", "states"), [("network_error", 3, ["failed"]), ("sensitive", 0, ["completed"])]
)
def test_chat_without_an_answer_does_not_count(
    three_chats: Stack, reason: str, after_chunks: int, states: list[str], is_stream: bool
) -> None:
    chat(three_chats)
    chat(three_chats)
    fault = {"on": "chat", "kind": "finish", "reason": reason, "after_chunks": after_chunks, "is_empty": True}
    three_chats.ask_sandbox("POST", "/_faults", fault)
    chat(three_chats, stream=is_stream)

    assert (ended(3), key_behaviours()) == (3, [])
    assert list(Completion.objects.order_by("-started_at").values_list("state", flat=True)[:1]) == states
