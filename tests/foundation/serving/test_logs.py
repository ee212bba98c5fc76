"""Log lines as people and collectors read them."""

import json
import logging
import sys
from collections.abc import Callable
from typing import Any

import pytest
import requests
from pytest_django import Settings

from foundation.serving import logs
from foundation.serving.logs import JsonFormatter, TextFormatter
from tests.servers import Server, eventually

AT = 1_764_547_203.152  # 2025-12-01 00:00:03.152 UTC


def record(message: str, *args: object, exc_info: Any = None) -> logging.LogRecord:
    made = logging.LogRecord("streaming.turns", logging.WARNING, __file__, 1, message, args, exc_info)
    made.created = AT
    return made


def failure() -> Any:
    try:
        int("broken")
    except ValueError:
        return sys.exc_info()


def test_text_has_the_time_with_its_offset(settings: Settings) -> None:
    settings.TIME_ZONE = "Asia/Shanghai"

    line = TextFormatter().format(record("%s failed", "ark"))

    assert line == "2025-12-01T08:00:03.152+08:00 WARNING streaming.turns ark failed"


def test_json_is_one_object_a_line() -> None:
    with logs.about(completion_id="c-1"):
        line = JsonFormatter().format(record("two\nlines of %s", "text", exc_info=failure()))

    assert "\n" not in line
    read = json.loads(line)
    traceback = read.pop("traceback")
    assert read == {
        "time": "2025-12-01T08:00:03.152+08:00",
        "level": "WARNING",
        "logger": "streaming.turns",
        "message": "two\nlines of text",
        "completion_id": "c-1",
    }
    assert "ValueError: invalid literal" in traceback


def test_lines_say_what_they_are_about_until_the_work_ends() -> None:
    with logs.about(conversion_id="1"), logs.about(attempt="2"):
        inside = TextFormatter().format(record("sent"))
    outside = TextFormatter().format(record("idle"))

    assert inside.endswith("sent [conversion_id=1 attempt=2]")
    assert outside.endswith("idle")


@pytest.mark.parametrize("formatter", [TextFormatter(), JsonFormatter()])
def test_odd_texts_are_written_anyway(formatter: logging.Formatter) -> None:
    half = formatter.format(record("user %s", "\ud83d"))
    long = formatter.format(record("x" * 1_000_000))

    assert "ud83d" in half.encode().decode()
    assert len(long) < 11_000


def test_request_is_named_in_its_lines(start_web: Callable[..., Server]) -> None:
    web = start_web(LOG_FORMAT="json")

    requests.get(f"{web.url}/api/nothing/", headers={"X-Request-Id": "of-the-proxy-1"}, timeout=10)
    requests.get(f"{web.url}/api/nothing/", headers={"X-Request-Id": "a b"}, timeout=10)

    lines = eventually(
        lambda: [json.loads(line) for line in web.log.splitlines() if "Not Found" in line],
        lambda found: len(found) == 2,
    )
    assert lines[0]["request_id"] == "of-the-proxy-1"
    assert len(lines[1]["request_id"]) == 16
