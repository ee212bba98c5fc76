"""The limit on similar log lines."""

import logging

import pytest

from foundation.serving import log_limit
from foundation.serving.log_limit import LimitRepeats


def line(message: str, *args: object, level: int = logging.ERROR) -> logging.LogRecord:
    return logging.LogRecord("here", level, __file__, 1, message, args, None)


def passed(limit: LimitRepeats, *lines: logging.LogRecord) -> list[str]:
    return [each.getMessage() for each in lines if limit.filter(each)]


def test_repeats_are_left_out_and_told_later(monkeypatch: pytest.MonkeyPatch) -> None:
    limit = LimitRepeats()
    first = passed(limit, *[line("no database for %s", number) for number in range(1000)])

    monkeypatch.setattr(log_limit, "PERIOD_S", -1.0)  # the next line begins a new period
    later = passed(limit, line("no database for %s", 1000))

    assert first == [f"no database for {number}" for number in range(5)]
    assert later == ["no database for 1000 [and 995 more like it]"]


def test_other_lines_and_harmless_ones_pass() -> None:
    limit = LimitRepeats()
    passed(limit, *[line("no database")] * 100)

    assert passed(limit, line("no Redis")) == ["no Redis"]
    assert len(passed(limit, *[line("started", level=logging.INFO)] * 100)) == 100
