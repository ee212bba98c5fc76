"""Looks after all open turns of this process: timeouts, heartbeats, and the end of the process.

One timer for all: a timer per stream, set again with every chunk, would cost as much as the chunk itself.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Protocol

from django.conf import settings
from prometheus_client import Gauge

logger = logging.getLogger(__name__)

_EVERY_S = 0.25


class OpenTurn(Protocol):
    def look_after(self, now: float) -> None:
        """Do whatever is due; `now` is monotonic, in seconds."""

    def interrupt(self) -> None:
        """End the turn, because the process is ending."""

    def break_off(self) -> None:
        """End the turn: one of the above has raised."""


class Watchdog:
    """The open turns of one event loop."""

    def __init__(self) -> None:
        self._open: set[OpenTurn] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._is_draining = False
        self.is_over = False  # no more turns may begin

    def __len__(self) -> int:
        return len(self._open)

    def add(self, turn: OpenTurn) -> None:
        self._open.add(turn)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_EVERY_S, self._look)

    def discard(self, turn: OpenTurn) -> None:
        self._open.discard(turn)

    def drain(self) -> None:
        """After `DRAIN_S`, take no more turns, and interrupt those that have not ended by themselves."""
        if self._is_draining:
            return
        self._is_draining = True
        asyncio.get_running_loop().call_later(settings.DRAIN_S, self._interrupt_all)

    def _look(self) -> None:
        self._timer = None
        now = time.monotonic()
        self._have_each(lambda turn: turn.look_after(now))
        if self._open:
            self._timer = asyncio.get_running_loop().call_later(_EVERY_S, self._look)

    def _interrupt_all(self) -> None:
        self.is_over = True
        self._have_each(lambda turn: turn.interrupt())

    def _have_each(self, do: Callable[[OpenTurn], None]) -> None:
        """One that fails must not keep the others from their timeouts."""
        for turn in tuple(self._open):
            try:
                do(turn)
            except Exception:
                logger.exception("An open turn broke off")
                turn.break_off()


watchdog = Watchdog()
Gauge("rivermouth_open_turns", "Turns running on this process").set_function(lambda: len(watchdog))
