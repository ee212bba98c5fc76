"""What every client is asked, and how it prints what it saw: `python llm_client.py '{"url": …, "key": …, …}'`."""

import contextlib
import json
import sys
from collections.abc import Callable, Iterator
from typing import Any, TypedDict


class Asked(TypedDict):
    url: str  # without /v1
    key: str
    model: str
    cut: str  # a model whose stream breaks off
    unknown: str  # a model that does not exist
    question: str
    weather: str  # a question that makes the model call the tool


WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


def asked() -> Asked:
    given: Asked = json.loads(sys.argv[1])
    return given


@contextlib.contextmanager
def errors(seen: dict[str, Any], name: str) -> Iterator[None]:
    """Note the error with which the client ends; None if it takes all to be well."""
    seen[name] = None
    try:
        yield
    except Exception as error:  # noqa: BLE001  # which ones there are is the question
        status = getattr(error, "status_code", None)
        seen[name] = {"status": status if isinstance(status, int) else None, "text": f"{type(error).__name__}: {error}"}


def see(*looks: Callable[[Asked, dict[str, Any]], None]) -> None:
    """Print what these saw; a look that fails says how."""
    seen: dict[str, Any] = {}
    for look in looks:
        try:
            look(asked(), seen)
        except Exception as error:  # noqa: BLE001  # the test shows it
            seen.setdefault("failed", {})[look.__name__] = f"{type(error).__name__}: {error}"
    print(json.dumps(seen))
