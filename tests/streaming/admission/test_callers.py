"""Looking up the caller of a turn, many times at once."""

import asyncio

import pytest
from django.conf import LazySettings
from django.db import connection
from django.test import AsyncRequestFactory

from foundation.access.models import ApiKey
from streaming.admission import callers
from streaming.admission.callers import Caller
from streaming.wire.faults import Fault

AT_ONCE = 30


def _identify(secret: str) -> "asyncio.Task[Caller]":
    request = AsyncRequestFactory().get("/v1/models", headers={"Authorization": f"Bearer {secret}"})
    return asyncio.create_task(callers.identify(request))


@pytest.mark.django_db(transaction=True)
def test_all_who_ask_at_once_are_known() -> None:
    secrets = [ApiKey.objects.issue(caller=f"busy-{number}") for number in range(3)]

    async def ask() -> list[Caller]:
        return await asyncio.gather(*[_identify(secret) for secret in secrets for _ in range(AT_ONCE)])

    names = [caller.credential.name for caller in asyncio.run(ask())]

    assert len(set(names)) == 3
    assert names == [name for name in names[::AT_ONCE] for _ in range(AT_ONCE)]


@pytest.mark.django_db(transaction=True)
def test_who_leaves_takes_the_answer_from_nobody() -> None:
    secret = ApiKey.objects.issue(caller="busy")

    async def ask_and_leave() -> Caller:
        first, second = _identify(secret), _identify(secret)
        await asyncio.sleep(0)  # both have asked
        first.cancel()
        return await second

    assert asyncio.run(ask_and_leave()).credential == ApiKey.objects.get().credential


@pytest.mark.django_db(transaction=True)
def test_unknown_key_is_refused_to_all() -> None:
    async def ask_twice() -> list[Caller | BaseException]:
        at_once = [_identify("k" * 64) for _ in range(AT_ONCE)]
        answers = await asyncio.gather(*at_once, return_exceptions=True)
        return [*answers, *await asyncio.gather(_identify("k" * 64), return_exceptions=True)]

    answers = asyncio.run(ask_twice())

    assert [isinstance(answer, Fault) and answer.code for answer in answers] == ["invalid_api_key"] * (AT_ONCE + 1)


@pytest.mark.django_db(transaction=True)
def test_answer_is_shared_by_those_who_wait_for_it_only(settings: LazySettings) -> None:
    settings.API_KEY_CACHE_S = 0
    secret = ApiKey.objects.issue(caller="busy")

    async def ask_before_and_after_deletion() -> None:
        await _identify(secret)
        await asyncio.to_thread(_delete_keys)
        with pytest.raises(Fault, match="not valid"):
            await _identify(secret)

    asyncio.run(ask_before_and_after_deletion())


def _delete_keys() -> None:
    ApiKey.objects.all().delete()
    connection.close()
