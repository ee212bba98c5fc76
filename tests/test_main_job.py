"""The main job from end to end: real clients, real processes, the sandbox as Ark and Ocean Engine."""

from typing import Any

import openai
import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from openai.types.chat import ChatCompletionMessageParam

from attribution.models import Attribution
from tests.servers import eventually
from tests.stack import Stack

ONCE_ONLY_EVENTS = {0: "active", 1: "active_register", 6: "next_day_open", 25: "game_addiction"}
IDFV = "6F5E2C9A-1B7D-4E0F-9A3C-8D2B7F4E1A60"
ANDROID_ID = "5f8c1e0b7a92d346"
DEVICES = {
    "android": {"os": "android", "android_id": ANDROID_ID},
    "ios": {"os": "ios", "idfv": IDFV},
}
REPORTED_DEVICES = {
    "android": {"platform": "android", "android_id": ANDROID_ID},
    "ios": {"platform": "ios", "idfv": IDFV},
}


def test_chat_is_streamed_to_the_openai_client(stack: Stack) -> None:
    question: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Why do rivers bend?"}]
    with openai.OpenAI(base_url=f"{stack.url}/v1", api_key=stack.key, max_retries=0) as client:
        whole = client.chat.completions.create(model="doubao", messages=question)
        with client.chat.completions.create(
            model="doubao", messages=question, stream=True, stream_options={"include_usage": True}
        ) as stream:
            chunks = list(stream)

    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == whole.choices[0].message.content
    assert len(chunks) > 20
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-1].usage == whole.usage
    chats = eventually(lambda: stack.ledger()["chats"], lambda found: all(chat["completed"] for chat in found))
    assert [(chat["model"], chat["stream"], chat["completed"]) for chat in chats] == [
        ("doubao-1-5-pro-32k-250115", False, True),
        ("doubao-1-5-pro-32k-250115", True, True),
    ]


@pytest.mark.parametrize("platform", ["android", "ios"])
def test_every_event_is_reported_once(stack: Stack, platform: str) -> None:
    events = [{"event": number, "user_id": "u-1", **DEVICES[platform]} for number in ONCE_ONLY_EVENTS]
    payment = {"event": 2, "user_id": "u-1", "amount": 1999, "outer_event_id": "order-1", **DEVICES[platform]}
    answers = stack.post("/api/events/", [*events, payment]).json()
    assert [answer["status"] for answer in answers] == ["pending"] * 5

    reports = eventually(lambda: _conversions(stack), lambda found: len(found) == 5)
    states = [_state(stack, answer["id"]) for answer in answers]

    assert [state["status"] for state in states] == ["reported"] * 5
    bodies = {report["body"]["event_type"]: report["body"] for report in reports}
    assert bodies.keys() == {*ONCE_ONLY_EVENTS.values(), "active_pay"}
    assert [body["context"]["device"] for body in bodies.values()] == [REPORTED_DEVICES[platform]] * 5
    assert [report["sends"] for report in reports] == [1] * 5
    assert bodies["active_pay"]["properties"] == {"pay_amount": 1999, "order_id": "order-1"}
    assert bodies["active_pay"]["outer_event_id"] == "order-1"


def test_event_posted_twice_is_reported_once(stack: Stack) -> None:
    event = {"event": "active", "user_id": "u-1", **DEVICES["android"]}

    first = stack.post("/api/events/", event).json()
    second = stack.post("/api/events/", event).json()
    state = _state(stack, first["id"])

    assert second == {"id": first["id"], "status": second["status"], "duplicate": True}
    assert state["status"] == "reported"
    assert [report["sends"] for report in _conversions(stack)] == [1]


def test_report_says_who_did_what_when(stack: Stack) -> None:
    now = timezone.now().replace(microsecond=0)
    event = {"event": "active", "user_id": "u-1", "occurred_at": now.isoformat(), **DEVICES["android"]}
    answer = stack.post("/api/events/", event).json()
    state = _state(stack, answer["id"])

    ledger = stack.ledger()

    milliseconds = int(now.timestamp()) * 1000
    attribution = Attribution.objects.get()
    assert [lookup["body"] for lookup in ledger["lookups"]] == [
        {
            "platform": "android",
            "android_id": ANDROID_ID,
            "package_name": "com.example.demo",
            "customer_active_time": str(milliseconds),
        }
    ]
    assert [report["body"] for report in ledger["conversions"]] == [
        {
            "event_type": "active",
            "context": {
                "ad": {"callback": attribution.callback_param, "match_type": 0},
                "device": {"platform": "android", "android_id": ANDROID_ID},
            },
            "properties": {},
            "outer_event_id": state["outer_event_id"],
            "timestamp": milliseconds,
        }
    ]
    assert state["advertiser_id"] == str(ledger["conversions"][0]["advertiser_id"])


def test_send_record_and_attempt_stand_in_the_admin(stack: Stack, client: Client) -> None:
    answer = stack.post("/api/events/", {"event": "active", "user_id": "u-1", **DEVICES["android"]}).json()
    state = _state(stack, answer["id"])
    client.force_login(User.objects.create_superuser("marketer"))

    records = client.get("/admin/attribution/conversion/").content.decode()
    record = client.get(f"/admin/attribution/conversion/{answer['id']}/change/").content.decode()

    assert answer["id"] in records
    assert [attempt["outcome"] for attempt in state["attempts"]] == ["attributed", "accepted"]
    assert "成功" in record  # what Ocean Engine answered
    assert ANDROID_ID not in record


def _conversions(stack: Stack) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = stack.ledger()["conversions"]
    return found


def _state(stack: Stack, event_id: str) -> dict[str, Any]:
    """The event as its endpoint shows it, once it is reported."""
    return eventually(lambda: stack.get(f"/api/events/{event_id}/"), lambda state: state["status"] == "reported")
