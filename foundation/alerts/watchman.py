"""A thread of each web process that looks whether the workers do: a dead one can tell nobody.

As long as they do it costs Redis one question in half a minute. When they do not, it does their round itself, sending
included: all is claimed in PostgreSQL, so any number of processes may.
"""

import asyncio
import logging
import random
import threading

from django.db import connection
from django.utils import timezone

from foundation.alerts import rounds, sending, watches
from foundation.alerts.models import Channel

logger = logging.getLogger(__name__)

EVERY_S = 30.0


class Watchman:
    def __init__(self) -> None:
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        self._stopping.clear()
        self._thread = threading.Thread(target=self._run, name="watchman", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()

    async def wait(self) -> None:
        """For the round that it may be in, but not for long: what it leaves is claimed by others."""
        if self._thread:
            await asyncio.to_thread(self._thread.join, 1.0)

    def _run(self) -> None:
        # Web processes that were started together do not all look at once.
        while not self._stopping.wait(EVERY_S * random.uniform(0.8, 1.2)):  # noqa: S311  # not for secrets
            try:
                look_for_workers()
            except Exception:  # the thread has to go on: PostgreSQL may be back next time
                logger.exception("Looking for workers")
            finally:
                connection.close()


def look_for_workers() -> bool:
    """Whether this process had to do the workers' round, since none of them does."""
    if watches.is_swept() or not Channel.objects.filter(is_enabled=True).exists():
        return False
    rounds.look(timezone.now())
    sending.send_all(clock=timezone.now)
    return True


_watchman = Watchman()
start, stop, wait = _watchman.start, _watchman.stop, _watchman.wait
