"""Routes that cool down: after `CHAT_COOL_DOWN_FAILURES` failures in a row one is passed over for `CHAT_COOL_DOWN_S`.

Then one turn probes it. If that fails, the route cools again; with its first content it serves everyone again, and a
whole answer ends the row of failures. Each process finds out for itself: that takes it three failures, no question to
Redis for every turn, and no process is misled by another's network.
"""

import logging
import time
from dataclasses import dataclass

from django.conf import settings

from streaming.catalogue.catalogue import ServedRoute
from streaming.wire.faults import Fault, Retry

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _Trouble:
    """A route that has failed lately. Times are monotonic, in seconds; 0 is never."""

    failures: int = 0  # in a row
    cools_until: float = 0.0
    is_probed_until: float = 0.0  # a turn that probes for longer than that is as good as none

    @property
    def cools(self) -> bool:
        return self.cools_until > 0


_troubled: dict[str, _Trouble] = {}  # by the route's key


def is_cooling(route: ServedRoute, now: float) -> bool:
    """Whether the route is to be passed over; not if its time is over and nobody probes it yet."""
    trouble = _troubled.get(route.key)
    return trouble is not None and trouble.cools and now < max(trouble.cools_until, trouble.is_probed_until)


def left_s(route: ServedRoute) -> float:
    """Seconds until the route is probed; 0 for one that serves."""
    trouble = _troubled.get(route.key)
    return max(trouble.cools_until - time.monotonic(), 0.0) if trouble is not None else 0.0


def note_asked(route: ServedRoute, now: float) -> None:
    """A turn asks the route: one that has cooled down is probed by it."""
    trouble = _troubled.get(route.key)
    if trouble is not None and trouble.cools:
        trouble.is_probed_until = now + settings.CHAT_COOL_DOWN_S


def note_failure(route: ServedRoute, now: float) -> None:
    trouble = _troubled.setdefault(route.key, _Trouble())
    trouble.failures += 1
    trouble.is_probed_until = 0.0
    if trouble.failures >= settings.CHAT_COOL_DOWN_FAILURES and now >= trouble.cools_until:
        trouble.cools_until = now + settings.CHAT_COOL_DOWN_S
        why = f"{trouble.failures} failures in a row"
        logger.warning("The route %s cools down for %g s after %s", _name(route), settings.CHAT_COOL_DOWN_S, why)


def note_content(route: ServedRoute) -> None:
    """The route has begun an answer: it serves everyone, but if this one breaks off, it cools again."""
    trouble = _troubled.get(route.key)
    if trouble is not None and trouble.cools:
        trouble.failures = min(trouble.failures, settings.CHAT_COOL_DOWN_FAILURES - 1)
        trouble.cools_until = trouble.is_probed_until = 0.0


def note_success(route: ServedRoute) -> None:
    if _troubled:
        _troubled.pop(route.key, None)


def note_nothing(route: ServedRoute) -> None:
    """The turn ended before anyone could tell; another one may probe the route."""
    trouble = _troubled.get(route.key)
    if trouble is not None:
        trouble.is_probed_until = 0.0


def _name(route: ServedRoute) -> str:
    return f"from {route.chat_model} to {route.provider}/{route.upstream_model}"


def is_the_routes(fault: Fault) -> bool:
    """Whether the route has failed. A refusal that the client has earned says nothing of it, nor an error of ours."""
    return fault.retry is not Retry.NEVER or fault.status in (502, 503, 504)
