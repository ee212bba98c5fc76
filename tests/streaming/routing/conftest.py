"""Routes that nobody is sent to: these tests are about which one is chosen."""

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from streaming.catalogue.catalogue import ServedRoute
from streaming.routing import cooling, route_limits

MakeRoute = Callable[..., ServedRoute]


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    yield
    cooling._troubled.clear()
    route_limits._average_tokens.clear()


@pytest.fixture
def route() -> MakeRoute:
    """Make a route; those of one test have a model of their own, so nothing is counted for them yet."""
    model = f"model-{uuid.uuid4()}"

    def make(name: str = "a", **knobs: Any) -> ServedRoute:
        return ServedRoute(
            provider=name,
            base_url="https://a.example/v1",
            api_key_env="",
            dialect="openai",
            upstream_model="up",
            chat_model=model,
            **knobs,
        )

    return make
