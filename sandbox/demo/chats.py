"""The chats of the demo: the questions, and the records of chats before today."""

import random
import uuid
from collections.abc import Sequence
from datetime import date, datetime, timedelta, tzinfo
from decimal import Decimal

from sandbox.demo import people
from streaming.catalogue.prices import Price
from streaming.models import Completion, UsageNote

QUESTIONS = [
    "帮我写一份本周工作周报，产品运营岗位",
    "怎么给孩子讲分数的概念？",
    "思考一下：考研和工作怎么选",
    "给我讲一个关于河流入海的小故事",
    "下周去成都三天，帮我安排行程，用 Markdown",
    "今天心情有点低落，陪我聊聊",
    "Write a polite follow-up email to a client",
    "Explain recursion with a small code example",
    "Think about it: should I learn piano at forty?",
    "把这句话翻译成英文：细水长流",
]
MODELS = [("doubao", "doubao-1-5-pro-32k-250115", 5), ("doubao-lite", "doubao-1-5-lite-32k-250115", 2)]
# Only for display: roughly what such models cost.
PRICE = Price(prompt=Decimal("0.8"), cached=Decimal("0.16"), completion=Decimal(2))
STATES = {"completed": 90, "disconnected": 4, "stopped": 3, "failed": 3}


def add_day(day: date, zone: tzinfo, *, count: int, users: Sequence[str], caller_id: int, owner: str) -> None:
    """Write the records of a day's chats. A second call for the same day changes nothing."""
    dice = random.Random(f"chats {day}")
    rows = [
        _completion(dice, day, zone, number, user_id=dice.choice(users), caller_id=caller_id, owner=owner)
        for number in range(count)
    ]
    Completion.objects.bulk_create(sorted(rows, key=lambda row: row.started_at), ignore_conflicts=True)
    UsageNote.take(row.started_at for row in rows)


def _completion(
    dice: random.Random, day: date, zone: tzinfo, number: int, *, user_id: str, caller_id: int, owner: str
) -> Completion:
    [(name, upstream, _weight)] = dice.choices(MODELS, [weight for *_names, weight in MODELS])
    [state] = dice.choices(list(STATES), list(STATES.values()))
    started_at: datetime = people.moment(day, zone, dice)
    is_failed = state == "failed"
    prompt_tokens = dice.randint(20, 1800)
    tokens = 0 if is_failed else round(dice.lognormvariate(5.2, 0.6))
    first_ms = round(dice.lognormvariate(6.3, 0.35))
    duration_ms = first_ms + round(tokens * dice.uniform(14, 26))
    return Completion(
        id=uuid.uuid5(uuid.NAMESPACE_URL, f"demo chat {day} {number}"),
        caller_id=caller_id,
        user_id=user_id,
        owner=owner,
        profile="app" if dice.random() < 0.8 else "openai",
        is_stream=True,
        chat_model=name,
        provider="ark",
        upstream_model=upstream,
        attempts=1 if dice.random() < 0.97 else 2,
        state=state,
        finish_reason={"completed": "stop", "stopped": "stop_requested"}.get(state, ""),
        error_code="upstream_overloaded" if is_failed else "",
        prompt_tokens=None if is_failed else prompt_tokens,
        completion_tokens=None if is_failed else tokens,
        cost_cny=None
        if is_failed
        else PRICE.cost_cny(prompt_tokens=prompt_tokens, cached_tokens=0, completion_tokens=tokens),
        cached_tokens=0,
        reasoning_tokens=0,
        chunks=tokens,
        started_at=started_at,
        finished_at=started_at + timedelta(milliseconds=duration_ms),
        first_content_ms=None if is_failed else first_ms,
        duration_ms=duration_ms,
        process_id=uuid.UUID(int=0),
    )
