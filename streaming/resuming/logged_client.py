"""The client of a logged turn: its output can be read again, and the turn continues without the client."""

from uuid import UUID

from foundation.serving.driven import Outbox
from streaming.resuming import event_log
from streaming.resuming.readers import Reader
from streaming.turns.client import Client


class LoggedClient(Client):
    """Logs all output once it is certain to be sent, which is from the moment when nothing is held.

    A client that reads slowly is handed over to a `follower`, which reads the log.
    """

    __slots__ = ("_completion_id", "follower", "is_logged")

    def __init__(self, completion_id: UUID) -> None:
        super().__init__()
        self._completion_id = completion_id
        self.is_logged = False
        self.follower: Reader | None = None

    def drive(self, outbox: Outbox) -> None:
        self._log(self.held or b"")
        super().drive(outbox)

    def write(self, out: bytes, now: float) -> None:
        if self.held is None:
            self._log(out)
        super().write(out, now)

    def end(self, out: bytes) -> None:
        super().end(out)
        if self.held is None:
            self._log(out)

    def end_unsaid(self) -> None:
        event_log.current().discard(self._completion_id)

    def detach(self) -> bool:
        """The client has left: keep logging without it. False if too many turns already do, or if the log is broken."""
        self._go_on_alone()
        return event_log.current().detach(self._completion_id)

    def hand_over(self, *, after: int) -> bool:
        """Let a slow client continue from the log, after the event with this id."""
        if not self.is_logged or self.is_ended or self.outbox is None:
            return False
        self.follower = Reader(self._completion_id, after=after)
        self.follower.take_over(self.outbox)
        self._go_on_alone()
        return True

    def log_held(self) -> None:
        """Log the output that the client left without receiving."""
        if self.held is not None:
            held, self.held = self.held, None
            self._log(held)

    def _go_on_alone(self) -> None:
        self.log_held()
        self.outbox = None

    def _log(self, events: bytes) -> None:
        if self.is_logged:
            event_log.current().append(self._completion_id, events, is_last=self.is_ended)
