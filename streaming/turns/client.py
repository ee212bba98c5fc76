"""The client's side of a streamed turn: output is held until it can be written, and from then on written at once."""

import time

from foundation.serving.driven import Outbox


class Client:
    """`held` is the output that waits for the response to begin; None from then on.

    `outbox` is None before that, and after the client has left while the turn continues. Times are monotonic, in
    seconds.
    """

    __slots__ = ("held", "is_ended", "outbox", "stalled_since", "wrote_at")

    def __init__(self) -> None:
        self.outbox: Outbox | None = None
        self.held: bytes | None = None
        self.is_ended = False
        self.stalled_since: float | None = None
        self.wrote_at = time.monotonic()

    def hold(self, start: bytes) -> None:
        """Begin with this output."""
        self.held = start

    def drive(self, outbox: Outbox) -> None:
        """The response has begun."""
        self.outbox = outbox
        held, self.held = self.held or b"", None
        if self.is_ended:
            outbox.end(held)
        else:
            outbox.write(held)

    def write(self, out: bytes, now: float) -> None:
        self.wrote_at = now
        if self.outbox is not None:
            self.outbox.write(out)
        elif self.held is not None:
            self.held += out

    def end(self, out: bytes) -> None:
        """Once only."""
        self.is_ended = True
        if self.outbox is not None:
            self.outbox.end(out)
        elif self.held is not None:
            self.held += out

    def end_unsaid(self) -> None:
        """The turn has ended, and nobody is there to be told."""

    def keep_open(self, heartbeat: bytes, now: float) -> None:
        if self.outbox is not None:
            self.wrote_at = now
            self.outbox.write(heartbeat)

    def abort(self) -> None:
        if self.outbox is not None:
            self.outbox.abort()
