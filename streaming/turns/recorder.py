"""Writes completions, off the event loop and in groups, so that no token ever waits for the database.

A separate thread collects the rows to write (one per completion, however often it changed) and writes them in one
statement. A row is written when its turn begins (while the provider thinks) and when it ends. Whatever follows from a
chat's end (endings.py) is committed together with its row. The thread also keeps this process's `ServerProcess` up to
date, which tells the sweep whose unfinished rows have been abandoned.

If the process is killed: the sweep marks rows written at the beginning as interrupted; a turn that began within the
last moment (`_GATHER_S`) leaves no row. While the database is down, up to `_MAX_KEPT` rows are kept, and written when
it is back. A row that PostgreSQL refuses is dropped.
"""

import asyncio
import datetime as dt
import logging
import os
import threading
import time
import uuid

from django.db import DataError, Error, IntegrityError, connection, transaction
from prometheus_client import Counter, Gauge

from foundation.database import bulk
from streaming.conversations import history
from streaming.models import Completion, ServerProcess, UsageNote
from streaming.turns import endings

logger = logging.getLogger(__name__)

_GATHER_S = 0.05
_MAX_BATCH = 200
_MAX_KEPT = 100_000
_ALIVE_EVERY_S = 5.0
_RETRY_AFTER_S = 1.0
_REFUSALS = (DataError, IntegrityError, UnicodeEncodeError)  # concern one row, which would be refused again later
# Once written: a user may get another id, or be erased, during the turn.
_NEVER_CHANGE = ["caller_id", "app_id", "user_id", "owner", "started_at"]

LOST_ROWS = Counter(
    "rivermouth_completion_rows_lost", "Completion records dropped: refused, or the database was down for too long"
)


class Recorder:
    """The writer of one process."""

    def __init__(self) -> None:
        self.process_id = uuid.uuid4()
        self._kept: dict[uuid.UUID, Completion] = {}
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._is_stopping = False
        self._say_alive_at = 0.0
        self._thread: threading.Thread | None = None

    def save(self, completion: Completion) -> None:
        """Queue the completion to be written as it is now. Returns at once."""
        with self._lock:
            if len(self._kept) >= _MAX_KEPT and completion.id not in self._kept:
                LOST_ROWS.inc()
                return
            self._kept[completion.id] = completion.snapshot()
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
                self._thread.start()
        self._wake.set()

    def stop(self) -> None:
        """Write the remaining rows and end the thread; blocks until then."""
        self._is_stopping = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        pause = threading.Event()
        while True:
            self._wake.wait(max(self._say_alive_at - time.monotonic(), 0))
            self._wake.clear()
            if not self._is_stopping:
                pause.wait(_GATHER_S)
            try:
                self._write()
            except Error:
                logger.exception("Completions could not be written; %d are kept", len(self._kept))
                if self._is_stopping:
                    return
                pause.wait(_RETRY_AFTER_S)
                self._wake.set()
            if self._is_stopping and not self._kept:
                return

    def _write(self) -> None:
        try:
            if time.monotonic() >= self._say_alive_at:
                self._say_alive()
                self._say_alive_at = time.monotonic() + _ALIVE_EVERY_S
            while batch := self._take():
                try:
                    self._upsert(batch)
                except _REFUSALS:
                    self._upsert_singly(batch)
                except Error:
                    self._put_back(batch)
                    raise
        finally:
            connection.close()  # back to the pool

    def _say_alive(self) -> None:
        ServerProcess.objects.bulk_create(
            [ServerProcess(id=self.process_id, seen_at=dt.datetime.now(dt.UTC))],
            update_conflicts=True,
            unique_fields=["id"],
            update_fields=["seen_at"],
        )

    def _take(self) -> list[Completion]:
        with self._lock:
            ids = list(self._kept)[:_MAX_BATCH]
            return [self._kept.pop(completion_id) for completion_id in ids]

    def _put_back(self, batch: list[Completion]) -> None:
        """Keep a batch that could not be written. Rows that changed meanwhile are newer and win."""
        with self._lock:
            self._kept = {**{completion.id: completion for completion in batch}, **self._kept}

    def _upsert_singly(self, batch: list[Completion]) -> None:
        """Give up the rows that PostgreSQL refuses, instead of retrying for ever and holding up all others."""
        for position, completion in enumerate(batch):
            try:
                self._upsert([completion])
            except _REFUSALS:
                logger.exception("The completion %s can't be recorded", completion.id)
                LOST_ROWS.inc()
            except Error:
                self._put_back(batch[position:])
                raise

    @staticmethod
    @transaction.atomic
    def _upsert(batch: list[Completion]) -> None:
        history.forget_deleted(batch)
        bulk.write(batch, keeping=_NEVER_CHANGE)
        UsageNote.take(each.started_at for each in batch if each.state != Completion.State.STREAMING)
        endings.follow(batch)


_recorder: Recorder | None = None


def current() -> Recorder:
    """This process's recorder; a forked child gets its own."""
    global _recorder  # one per process
    if _recorder is None:
        _recorder = Recorder()
        os.register_at_fork(after_in_child=_forget)
    return _recorder


async def shut_down() -> None:
    """Write the remaining rows."""
    await asyncio.get_running_loop().run_in_executor(None, current().stop)


def _forget() -> None:
    global _recorder  # one per process
    _recorder = None


def _waiting() -> int:
    return len(_recorder._kept) if _recorder is not None else 0


Gauge("rivermouth_completion_rows_waiting", "Completion records that are still to be written").set_function(_waiting)
