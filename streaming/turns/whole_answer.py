"""A turn that is not streamed: the provider's answer as one JSON object, with the same routes, errors and record."""

import asyncio
import time
from collections.abc import Callable

from django.conf import settings

from streaming.catalogue.catalogue import ServedRoute
from streaming.turns.attempt import Attempt
from streaming.turns.phases import Event
from streaming.turns.turn import Plan, Turn
from streaming.upstream import BodyTooLarge, UpstreamError
from streaming.wire import faults
from streaming.wire.dialects.dialect import Answer


class WholeAnswer(Turn[Attempt]):
    """After `open`, `body` is the client's response body."""

    def __init__(self, plan: Plan, write: Callable[[Answer], bytes]) -> None:
        super().__init__(plan)
        self.body = b""
        self._write = write

    async def _try(self, route: ServedRoute) -> None:
        attempt = Attempt(route)
        self._begin(attempt)
        total_s = route.timeouts.total_s
        left_s = self._began_at + total_s - time.monotonic()  # shared by all attempts
        try:
            async with asyncio.timeout(left_s):
                response = await attempt.ask(
                    self._plan.fields, completion_id=str(self.completion.id), is_stream=self.completion.is_stream
                )
                body = await response.read(settings.CHAT_MAX_EVENT_BYTES)
        except TimeoutError as err:
            raise faults.total_timeout(total_s) from err
        except BodyTooLarge as err:
            raise faults.too_large(str(err)) from err
        except UpstreamError as err:
            raise faults.truncated(str(err)) from err
        self.body = self._write(attempt.answer(body))
        self._meet(Event.WHOLE)
