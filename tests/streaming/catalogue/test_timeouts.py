"""A route's timeouts: its own, its model's, its provider's, or the setting."""

import math

import pytest
from django.core.exceptions import ValidationError
from pytest_django import Settings

from streaming.catalogue import catalogue, timeouts
from streaming.catalogue.timeouts import Timeouts
from streaming.models import ChatModel, Provider, Route


@pytest.fixture
def route() -> Route:
    provider = Provider.objects.create(slug="p", base_url="https://p.example/v1", api_key_env="X_KEY")
    model = ChatModel.objects.create(name="mine")
    return Route.objects.create(chat_model=model, provider=provider, upstream_model="up")


@pytest.mark.django_db
@pytest.mark.parametrize("name", timeouts.NAMES)
def test_nearest_row_decides(route: Route, name: str, settings: Settings) -> None:
    of_served = name.removesuffix("_s").removesuffix("_timeout") + "_s"
    setattr(settings, f"CHAT_{name.upper()}", 9.0)
    seen = []

    for row, value in [(None, None), (route.provider, 3), (route.chat_model, 2), (route, 1)]:
        if row is not None:
            setattr(row, name, value)
            row.save()
        [served] = catalogue.read().models["mine"].routes
        seen.append(getattr(served.timeouts, of_served))

    assert seen == [9, 3, 2, 1]


def test_first_content_timeout_is_strict_if_set_explicitly() -> None:
    assert not Timeouts().is_first_content_strict
    assert Timeouts(own_first_content_s=5).is_first_content_strict


@pytest.mark.django_db
def test_longest_turn_is_that_of_the_most_patient_route(route: Route, settings: Settings) -> None:
    settings.CHAT_TOTAL_TIMEOUT_S = 100.0
    catalogue.read()
    before = catalogue.longest_turn_s()
    route.total_timeout_s = 7200
    route.save()

    catalogue.read()

    assert (before, catalogue.longest_turn_s()) == (100, 7200)


@pytest.mark.parametrize("wrong", [0, -1, math.nan, math.inf, 1e9])
def test_impossible_seconds_are_refused(wrong: float) -> None:
    row = ChatModel(name="mine", idle_timeout_s=wrong)

    with pytest.raises(ValidationError) as refused:
        row.clean_fields()

    assert list(refused.value.message_dict) == ["idle_timeout_s"]
