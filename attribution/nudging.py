"""Wake a worker after new rows. Only a hint: a lost nudge costs seconds, until beat's next sweep, and no row.

So a request never waits for it. `nudge` sets a flag; one thread per process publishes, with a bounded time and at most
every `MIN_INTERVAL_S`, so that a thousand events a second cost Redis twenty messages and not a thousand.
"""

import logging
import os
import threading
import time

from celery import current_app
from kombu.exceptions import OperationalError

from config.shared_redis import UNAVAILABLE

logger = logging.getLogger(__name__)

MIN_INTERVAL_S = 0.05
PAUSE_AFTER_FAILURE_S = 5.0
# A message that found no worker for this long is of no use: beat sweeps more often.
EXPIRES_S = 60


class _Nudger:
    def __init__(self) -> None:
        self._is_wanted = threading.Event()
        self._thread_pid = 0
        self._starting = threading.Lock()

    def nudge(self) -> None:
        self._is_wanted.set()
        if self._thread_pid != os.getpid():  # also after a fork, which takes no threads along
            self._start()

    def _start(self) -> None:
        with self._starting:
            if self._thread_pid != os.getpid():
                self._thread_pid = os.getpid()
                threading.Thread(target=self._run, name="nudger", daemon=True).start()

    def _run(self) -> None:
        while True:
            self._is_wanted.wait()
            self._is_wanted.clear()
            if _publish():
                time.sleep(MIN_INTERVAL_S)
            else:
                time.sleep(PAUSE_AFTER_FAILURE_S)
                self._is_wanted.set()


def _publish() -> bool:
    try:
        current_app.send_task("attribution.deliver", retry=False, expires=EXPIRES_S)
    except (OperationalError, OSError) as err:
        UNAVAILABLE.labels("nudge").inc()
        logger.warning("No nudge for %.0f s: %s", PAUSE_AFTER_FAILURE_S, type(err).__name__)
        return False
    return True


nudge = _Nudger().nudge
