"""Keeps an outage from filling the disk: of similar lines only a few a minute are written, and the rest are counted."""

import logging
import time

BURST = 5  # lines of one kind per period
PERIOD_S = 60.0
_MAX_KINDS = 1000


class LimitRepeats(logging.Filter):
    """Lets `BURST` warnings and errors of a kind pass per `PERIOD_S`; the next period begins with the number left out.

    A kind is one log statement in the code: its logger and its message before the arguments are filled in.
    """

    def __init__(self) -> None:
        super().__init__()
        self._seen: dict[tuple[str, str], tuple[float, int]] = {}  # by kind: its period's start, and lines since then

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno < logging.WARNING:
            return True
        kind = (record.name, str(record.msg))
        now = time.monotonic()
        began_at, lines = self._seen.get(kind, (now, 0))
        if now - began_at > PERIOD_S:
            self._say_what_was_left_out(record, lines - BURST)
            began_at, lines = now, 0
        if len(self._seen) >= _MAX_KINDS:
            self._seen.clear()
        self._seen[kind] = (began_at, lines + 1)
        return lines < BURST

    @staticmethod
    def _say_what_was_left_out(record: logging.LogRecord, lines: int) -> None:
        if lines > 0:
            record.msg, record.args = f"{record.getMessage()} [and {lines} more like it]", ()
