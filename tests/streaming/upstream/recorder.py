"""A body receiver that records its calls for tests."""

import asyncio
from collections.abc import Callable

from streaming.upstream import UpstreamError


class Recorder:
    """`reads` are the calls of body_received; `outcome` is "ended" or the error. `on_read` runs after each read."""

    def __init__(self, on_read: Callable[[], None] = lambda: None) -> None:
        self.reads: list[bytes] = []
        self.outcome: str | UpstreamError | None = None
        self._on_read = on_read
        self._changed = asyncio.Event()

    @property
    def body(self) -> bytes:
        return b"".join(self.reads)

    def body_received(self, read: bytes) -> None:
        assert self.outcome is None
        self.reads.append(read)
        self._changed.set()
        self._on_read()

    def body_ended(self) -> None:
        assert self.outcome is None
        self.outcome = "ended"
        self._changed.set()

    def body_failed(self, error: UpstreamError) -> None:
        assert self.outcome is None
        self.outcome = error
        self._changed.set()

    async def until(self, is_reached: Callable[["Recorder"], bool]) -> None:
        """Wait, at most 5 s, until the recorder meets the condition."""
        async with asyncio.timeout(5):
            while not is_reached(self):
                self._changed.clear()
                await self._changed.wait()

    async def finished(self) -> str | UpstreamError | None:
        await self.until(lambda recorder: recorder.outcome is not None)
        return self.outcome
