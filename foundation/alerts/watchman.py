"""A thread in each web process that checks whether the workers are alive: dead workers can tell nobody.

While they are, it costs Redis one question per half minute. When they are not, it does their round itself, sending
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
        """Wait for a running round to end, but not for long: what it leaves undone is claimed by others."""
        if self._thread:
            await asyncio.to_thread(self._thread.join, 1.0)

    def _run(self) -> None:
        # Keeps web processes that were started together from checking all at once.
        while not self._stopping.wait(EVERY_S * random.uniform(0.8, 1.2)):  # noqa: S311  # not for secrets
            try:
                look_for_workers()
            except Exception:  # the thread has to survive: PostgreSQL may be back next time
                logger.exception("Looking for workers")
            finally:
                connection.close()


def look_for_workers() -> bool:
    """Do the workers' round if none of them does. Returns whether it was necessary."""
    if watches.is_swept() or not Channel.objects.filter(is_enabled=True).exists():
        return False
    rounds.look(timezone.now())
    sending.send_all(clock=timezone.now)
    return True


_watchman = Watchman()
start, stop, wait = _watchman.start, _watchman.stop, _watchman.wait
