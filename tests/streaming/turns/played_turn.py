"""One turn in this process, between a provider and a client that act as the test says, in the order that it says.

The turn, its connection to the provider and the outbox are the real ones; the client is an ASGI `send` that may block.
"""

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec
from django.utils import timezone

from foundation.serving.driven import Message, Outbox
from streaming.catalogue.catalogue import ServedRoute
from streaming.models import Completion
from streaming.turns import recorder
from streaming.turns.relay import Relay
from streaming.turns.turn import Plan
from streaming.wire.faults import Fault
from tests.streaming.scripted_server import ScriptedServer

_FIELDS = {"messages": msgspec.Raw(b'[{"role":"user","content":"Hi"}]')}


def plan(server: ScriptedServer, on_end: Callable[[Completion], None]) -> Plan:
    os.environ["PLAYED_KEY"] = "key-of-the-route"
    base_url = f"http://127.0.0.1:{server.port}/v1"
    route = ServedRoute(
        provider="played", base_url=base_url, api_key_env="PLAYED_KEY", dialect="openai", upstream_model="up"
    )
    completion = Completion(
        owner="key:1",
        profile=Completion.Profile.OPENAI,
        is_stream=True,
        chat_model="played",
        started_at=timezone.now(),
        process_id=recorder.current().process_id,
    )
    return Plan(completion=completion, routes=[route], fields=_FIELDS, on_end=on_end)


@dataclass
class PlayedTurn:
    """Goes the way of `DrivenHandler`: `open`, then `drive`, and `client_left` at the end of the connection."""

    make: Callable[[Callable[[Completion], None]], Relay]
    ends: list[str] = field(default_factory=list)  # the states at which the turn's end was told
    body: bytes = b""  # what the client got
    is_complete: bool = False
    has_left: bool = False
    refusal: Fault | None = None
    _may_send: asyncio.Event = field(default_factory=asyncio.Event)

    def begin(self) -> None:
        self._may_send.set()
        self.relay = self.make(lambda completion: self.ends.append(completion.state))
        self._respond = asyncio.get_running_loop().create_task(self._responding())

    def stall(self) -> None:
        self._may_send.clear()

    def read_on(self) -> None:
        self._may_send.set()

    async def leave(self) -> None:
        """Also at the end of every connection, as the server sees it."""
        self.has_left = self.has_left or not (self.is_complete or self.refusal)
        self._may_send.set()
        if not self._respond.done():
            self._respond.cancel()
            await asyncio.wait([self._respond])
        if not self._respond.cancelled() and self._respond.exception() is None and self.refusal is None:
            self.relay.client_left()

    async def until_ended(self, within_s: float = 20) -> None:
        """Wait until the turn has ended and its client, if still there, has received all of it."""
        async with asyncio.timeout(within_s):
            await asyncio.wait([self._respond])
            while not (self.ends and self._is_served()):  # noqa: ASYNC110  # many parties say so
                await asyncio.sleep(0.002)

    def _is_served(self) -> bool:
        is_cut = self.relay.completion.error_code == "client_stalled"
        return self.is_complete or self.refusal is not None or self.has_left or is_cut

    async def _responding(self) -> None:
        try:
            await self.relay.open()
        except Fault as fault:
            self.refusal = fault
            return
        self.relay.drive(Outbox(self._send, self.relay))

    async def _send(self, message: Message) -> None:
        await self._may_send.wait()
        if self.has_left:
            return
        self.body += message["body"]
        self.is_complete = not message["more_body"]
