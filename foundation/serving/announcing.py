"""Tells others on the side that something has happened: the announcing code neither waits nor fails."""

import logging
import os
import threading
import time
from collections.abc import Callable

logger = logging.getLogger(__name__)


class Announcer:
    """Announcements set a flag; one thread per process calls `tell`, at most every `interval_s`.

    So a thousand announcements a second cost a few messages, and the last one is always told. `tell` returns False if
    it failed for now, and is called again after `pause_s`. It must bound its own time.
    """

    def __init__(self, name: str, tell: Callable[[], bool], *, interval_s: float, pause_s: float) -> None:
        self._name = name
        self._tell = tell
        self._interval_s = interval_s
        self._pause_s = pause_s
        self._is_wanted = threading.Event()
        self._thread_pid = 0
        self._starting = threading.Lock()

    def announce(self) -> None:
        self._is_wanted.set()
        if self._thread_pid != os.getpid():  # also after a fork, which does not copy threads
            self._start()

    def _start(self) -> None:
        with self._starting:
            if self._thread_pid != os.getpid():
                self._thread_pid = os.getpid()
                threading.Thread(target=self._run, name=self._name, daemon=True).start()

    def _run(self) -> None:
        while True:
            self._is_wanted.wait()
            self._is_wanted.clear()
            if self._is_told():
                time.sleep(self._interval_s)
            else:
                time.sleep(self._pause_s)
                self._is_wanted.set()

    def _is_told(self) -> bool:
        try:
            return self._tell()
        except Exception:  # the thread must survive: without it this process would announce nothing more
            logger.exception("Announcing, %s", self._name)
            return False
