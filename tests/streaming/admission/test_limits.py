"""Limits of keys and users: exact under parallel requests, shown in headers, and not applied without Redis."""

import asyncio
import itertools
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from foundation.access.credentials import Credential
from foundation.access.models import ApiKey
from foundation.serving import loop_redis
from foundation.serving.shared_redis import client
from streaming.admission import limits
from streaming.wire.faults import Fault
from tests.redis_server import RedisServer
from tests.servers import Server, eventually
from tests.stack import Stack
from tests.streaming import app_client

CHAT = {"model": "doubao", "messages": [{"role": "user", "content": "Hi"}]}


@pytest.fixture(autouse=True)
def _close_chats() -> Iterator[None]:
    yield
    app_client.close_all()


def _key(**limits_of_key: int) -> str:
    key = ApiKey.objects.issue(caller="limited")
    ApiKey.objects.filter(user__username="limited").update(**limits_of_key)
    return key


def _chat(url: str, key: str) -> requests.Response:
    headers = {"Authorization": f"Bearer {key}"}
    return requests.post(f"{url}/v1/chat/completions", json=CHAT, headers=headers, timeout=30)


def test_fifty_at_once_against_a_limit_of_ten_let_ten_through(stack: Stack) -> None:
    key = _key(requests_per_minute=10)

    with ThreadPoolExecutor(50) as threads:
        answers = list(threads.map(lambda _: _chat(stack.url, key), range(50)))

    statuses = sorted(answer.status_code for answer in answers)
    assert statuses == [200] * 10 + [429] * 40
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert refused.json()["error"]["code"] == "rate_limit_exceeded"
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert refused.headers["x-ratelimit-remaining-requests"] == "0"


def test_answer_says_how_much_is_left(stack: Stack) -> None:
    key = _key(requests_per_minute=7)

    answer = _chat(stack.url, key)

    assert answer.status_code == 200
    assert answer.headers["x-ratelimit-limit-requests"] == "7"
    assert answer.headers["x-ratelimit-remaining-requests"] == "6"


def test_open_streams_are_counted_and_given_back(stack: Stack) -> None:
    key = _key(concurrent_streams=2)
    stack.ask_sandbox("POST", "/_pace", {"tokens_per_s": 20})
    chats = [app_client.start(stack.url, key) for _ in range(2)]
    for chat in chats:
        chat.take(2)

    third = _chat(stack.url, key)
    app_client.stop(stack.url, key, chats[0].id)
    fourth = eventually(lambda: _chat(stack.url, key), lambda answer: answer.status_code == 200)

    assert third.status_code == 429
    assert "2 concurrent streams" in third.json()["error"]["message"]
    assert fourth.status_code == 200


def test_tokens_of_the_day_are_counted_when_a_turn_ends(stack: Stack) -> None:
    key = _key(tokens_per_day=20)

    first = _chat(stack.url, key)
    second = eventually(lambda: _chat(stack.url, key), lambda answer: answer.status_code == 429)

    assert first.json()["usage"]["total_tokens"] >= 20
    assert "20 tokens per day" in second.json()["error"]["message"]
    assert second.headers["x-ratelimit-remaining-tokens"] == "0"


def test_each_user_has_a_limit_of_its_own(stack: Stack, start_web: Callable[..., Server]) -> None:
    web = start_web(CHAT_USER_REQUESTS_PER_MINUTE="1")
    key = _key(requests_per_minute=50)
    one, other = (app_client.mint(web.url, key, user_id) for user_id in ("u-1", "u-2"))

    statuses = [_chat(web.url, secret).status_code for secret in (one, one, other)]

    assert statuses == [200, 429, 200]


def test_without_redis_everything_is_served(stack: Stack, shared_web: Callable[..., Server]) -> None:
    web = shared_web(REDIS_URL="redis://127.0.0.1:1/0")
    key = _key(requests_per_minute=1)

    statuses = [_chat(web.url, key).status_code for _ in range(3)]

    assert statuses == [200, 200, 200]
    assert (
        'rivermouth_redis_unavailable_total{operation="chat limits"} 1.0'
        in requests.get(f"{web.url}/metrics", timeout=10).text
    )


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/api/chat/"])
def test_frozen_redis_delays_chats_by_no_more_than_its_timeouts(
    stack: Stack, start_web: Callable[..., Server], redis_server: RedisServer, path: str
) -> None:
    web = start_web(REDIS_URL=redis_server.url, REDIS_TIMEOUT_S="0.5")
    key = _key(requests_per_minute=1)

    def chat() -> tuple[int, bool, float]:
        began_at = time.monotonic()
        answer = requests.post(
            web.url + path, json={**CHAT, "stream": True}, headers={"Authorization": f"Bearer {key}"}, timeout=30
        )
        is_whole = b"[DONE]" in answer.content or b"event: done" in answer.content
        return answer.status_code, is_whole, time.monotonic() - began_at

    assert chat()[0] == 200  # the limit of the minute is used up
    with redis_server.frozen(), ThreadPoolExecutor(20) as threads:
        first, *later = (list(threads.map(lambda _: chat(), range(20))) for _ in range(3))
    thawed = eventually(chat, lambda answer: answer[0] == 429)

    # Nothing is counted, and the first ones wait for the limits' and the log's timeouts at most, later ones not at all.
    assert {answer[:2] for answers in (first, *later) for answer in answers} == {(200, True)}
    assert max(answer[2] for answer in first) < 2
    assert max(answer[2] for answers in later for answer in answers) < 1
    assert thawed[0] == 429


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/api/chat/"])
def test_redis_that_freezes_in_the_middle_holds_no_token_up(
    stack: Stack, start_web: Callable[..., Server], redis_server: RedisServer, path: str
) -> None:
    web = start_web(REDIS_URL=redis_server.url, REDIS_TIMEOUT_S="0.5")
    key = _key()
    stack.ask_sandbox("POST", "/_pace", {"tokens_per_s": 20})
    body = {**CHAT, "messages": [{"role": "user", "content": "Repeat: " + "word " * 40}], "stream": True}

    with requests.post(
        web.url + path, json=body, headers={"Authorization": f"Bearer {key}"}, timeout=30, stream=True
    ) as answer:
        reads = answer.iter_content(None)
        next(reads)
        with redis_server.frozen():
            came_at = [time.monotonic() for _ in reads]

    assert max(after - before for before, after in itertools.pairwise(came_at)) < 0.4
    assert len(came_at) > 30


@pytest.mark.django_db
def test_slots_are_taken_from_all_scopes_or_none() -> None:
    ApiKey.objects.issue(caller="limited")
    key = ApiKey.objects.get().credential
    user = Credential(name=key.name, caller_id=key.caller_id, app_id=None, user_id=uuid.uuid4().hex)
    taken = []

    async def enter_six_and_leave() -> None:
        grants = [await limits.enter(user, uuid.uuid4()) for _ in range(5)]
        with pytest.raises(Fault, match="5 concurrent streams"):
            await limits.enter(user, uuid.uuid4())
        taken.append(client().zcard(f"chat:slots:key:{key.name}"))
        for grant in grants:
            limits.leave(grant, 0)
        await loop_redis.shut_down()

    asyncio.run(enter_six_and_leave())

    assert taken == [5]
    assert client().zcard(f"chat:slots:key:{key.name}") == 0


@pytest.mark.django_db
def test_client_that_leaves_while_it_is_let_in_keeps_no_slot() -> None:
    ApiKey.objects.issue(caller="limited")
    credential = ApiKey.objects.get().credential

    async def enter_and_leave() -> None:
        entering = asyncio.create_task(limits.enter(credential, uuid.uuid4()))
        await asyncio.sleep(0)  # it has asked, and waits
        entering.cancel()
        await asyncio.wait([entering])
        assert entering.cancelled()
        await loop_redis.shut_down()

    asyncio.run(enter_and_leave())

    made = [int(client().get(key) or 0) for key in client().scan_iter(f"count:chat-requests:*:key:{credential.name}")]
    assert made == [1]
    assert client().zcard(f"chat:slots:key:{credential.name}") == 0


def test_users_of_two_backends_with_one_id_are_counted_apart() -> None:
    user_id = uuid.uuid4().hex
    users = [Credential(name=f"shared:{name}", caller_id=None, app_id=None, user_id=user_id) for name in "ab"]
    taken = []

    async def enter_to_the_limit() -> None:
        for user in users:
            grants = [await limits.enter(user, uuid.uuid4()) for _ in range(5)]
            taken.append(len(grants))
        await loop_redis.shut_down()

    asyncio.run(enter_to_the_limit())

    assert taken == [5, 5]
