"""Usage and cost: recorded with the completion, and summed per hour from the rows."""

import datetime as dt
import uuid
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from django.utils import timezone

from streaming.models import Completion, Route, UsageHour, UsageNote
from streaming.turns.recorder import Recorder
from streaming.usage import hours
from tests.servers import Server, database_url
from tests.streaming.conftest import ask, recorded
from tests.streaming.scripted_provider import DONE, ScriptedProvider, answer, chunk, event

NOON = dt.datetime(2026, 11, 23, 4, 30, tzinfo=dt.UTC)  # 12:30 in Shanghai
HOUR = dt.datetime(2026, 11, 23, 4, 0, tzinfo=dt.UTC)
SPENT = {"prompt_tokens": 1000, "completion_tokens": 500, "prompt_tokens_details": {"cached_tokens": 400}}


@pytest.fixture
def recorder(transactional_db: None) -> Iterator[Recorder]:
    recorder = Recorder()
    yield recorder
    recorder.stop()


def completion(**fields: Any) -> Completion:
    usual = {"profile": "openai", "is_stream": True, "chat_model": "m", "provider": "p", "owner": "key:1"}
    ended = {"state": "completed", "started_at": NOON, "prompt_tokens": 10, "cached_tokens": 4, "completion_tokens": 5}
    return Completion(**{**usual, **ended, "process_id": uuid.uuid4(), **fields})


def sums() -> list[tuple[Any, ...]]:
    names = ["hour", "chat_model", "provider", "completions", "completed", "prompt_tokens", "cost_cny", "unpriced"]
    return list(UsageHour.objects.order_by(*names[:3]).values_list(*names))


@pytest.fixture
def add_prices(provider: ScriptedProvider) -> None:
    Route.objects.update(prompt_price="0.8", cached_price="0.16", completion_price="2")


@pytest.mark.parametrize("is_stream", [True, False])
def test_cost_is_recorded_by_the_prices_of_the_route(
    relay: Server, provider: ScriptedProvider, key: str, is_stream: bool, add_prices: None
) -> None:
    if is_stream:
        end = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": SPENT}
        provider.stream(chunk("hi"), event(end), DONE)
    else:
        whole = {"choices": [{"index": 0, "message": {"content": "hi"}, "finish_reason": "stop"}], "usage": SPENT}
        provider.on_request([answer(200, event(whole)[6:])])

    response = ask(relay, key, model="scripted", stream=is_stream)

    assert recorded(response).cost_cny == Decimal("0.001544")  # (600 × 0.8 + 400 × 0.16 + 500 × 2) / 1,000,000


def test_route_without_a_price_has_no_cost(relay: Server, provider: ScriptedProvider, key: str) -> None:
    end = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": SPENT}
    provider.stream(chunk("hi"), event(end), DONE)

    row = recorded(ask(relay, key, model="scripted", stream=True))

    assert (row.cost_cny, row.prompt_tokens) == (None, 1000)


def test_ended_completions_are_summed_by_hour_model_and_provider(recorder: Recorder) -> None:
    for fields in (
        {"cost_cny": Decimal("0.5")},
        {"cost_cny": Decimal("0.25"), "state": "failed"},
        {"prompt_tokens": None, "completion_tokens": None, "state": "failed"},
        {"state": "streaming"},
        {"provider": "q"},
        {"started_at": NOON + dt.timedelta(minutes=30)},
    ):
        recorder.save(completion(**fields))
    recorder.stop()

    summed = hours.sum_noted_hours(timezone.now())

    assert summed == 2
    assert sums() == [
        (HOUR, "m", "p", 3, 1, 20, Decimal("0.75"), 0),
        (HOUR, "m", "q", 1, 1, 10, Decimal(0), 1),
        (HOUR + dt.timedelta(hours=1), "m", "p", 1, 1, 10, Decimal(0), 1),
    ]
    assert UsageNote.objects.count() == 0


def test_later_rows_are_added_and_nothing_is_counted_twice(recorder: Recorder) -> None:
    turn = completion(state="streaming", prompt_tokens=None)
    recorder.save(turn)
    recorder.save(completion())
    recorder.stop()
    hours.sum_noted_hours(timezone.now())
    before = sums()

    late = Recorder()
    turn.state, turn.prompt_tokens = Completion.State.COMPLETED, 30
    late.save(turn)
    late.stop()
    hours.sum_noted_hours(timezone.now())
    again = hours.sum_noted_hours(timezone.now())

    assert before == [(HOUR, "m", "p", 1, 1, 10, Decimal(0), 1)]
    assert sums() == [(HOUR, "m", "p", 2, 2, 40, Decimal(0), 2)]
    assert again == 0


def test_completion_that_is_written_while_its_hour_is_summed_is_not_lost(transactional_db: None) -> None:
    completion().save()
    UsageNote.take([NOON])
    with psycopg.connect(database_url()) as other:  # a recorder in the midst of its transaction
        columns = "id, owner, profile, is_stream, chat_model, provider, upstream_model, attempts, state, started_at"
        columns += ", finish_reason, error_code, error_detail, user_id, text, reasoning, chunks, process_id"
        values = "gen_random_uuid(), 'o', 'app', true, 'm', 'p', '', 1, 'completed', %s, '', '', '', '', '', '', 1"
        other.execute(f"INSERT INTO streaming_completion ({columns}) VALUES ({values}, gen_random_uuid())", [NOON])  # noqa: S608  # constants
        other.execute("INSERT INTO streaming_usagenote (hour) VALUES (%s)", [HOUR])

        first = hours.sum_noted_hours(timezone.now())
        seen = [row[3] for row in sums()]
        other.commit()
    second = hours.sum_noted_hours(timezone.now())

    assert (first, seen) == (1, [1])
    assert (second, [row[3] for row in sums()]) == (1, [2])


def test_interrupted_completion_is_summed(transactional_db: None) -> None:
    completion(state="streaming", prompt_tokens=None, completion_tokens=None).save()

    Completion.objects.mark_interrupted(timezone.now())
    hours.sum_noted_hours(timezone.now())

    assert sums() == [(HOUR, "m", "p", 1, 0, 0, Decimal(0), 0)]
