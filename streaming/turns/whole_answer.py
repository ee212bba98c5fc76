"""A turn that is not streamed: the provider's answer as one JSON object, with the same routes, errors and record."""

import asyncio
import time

from django.conf import settings

from streaming.catalogue.catalogue import ServedRoute
from streaming.turns.turn import State, Turn
from streaming.upstream import BodyTooLarge, UpstreamError
from streaming.wire import faults, provider


class WholeAnswer(Turn):
    """After `open`, `body` is the provider's answer, byte for byte."""

    body = b""

    async def _attempt(self, route: ServedRoute, dialect: provider.Dialect) -> None:
        left_s = self._began_at + settings.CHAT_TOTAL_TIMEOUT_S - time.monotonic()  # for all attempts together
        try:
            async with asyncio.timeout(left_s):
                response = await self._ask(route, dialect)
                self.body = await response.read(settings.CHAT_MAX_EVENT_BYTES)
        except TimeoutError as err:
            raise faults.total_timeout(settings.CHAT_TOTAL_TIMEOUT_S) from err
        except BodyTooLarge as err:
            raise faults.too_large(str(err)) from err
        except UpstreamError as err:
            raise faults.truncated(str(err)) from err
        self._observe(route, dialect)
        self._record(State.COMPLETED)

    def _observe(self, route: ServedRoute, dialect: provider.Dialect) -> None:
        try:
            answer = provider.readable_parts(self.body)
        except RecursionError as err:
            raise faults.unreadable(str(err)) from err
        if answer is None:
            raise faults.unreadable("no JSON object")
        if not provider.is_null(answer.error):
            raise provider.fault_of_payload(dialect, self.body, secrets=route.secrets)
        if not answer.choices:
            raise faults.unreadable("no choices")
        self._finish_reason = answer.choices[0].finish_reason or ""
        self._usage = answer.usage
