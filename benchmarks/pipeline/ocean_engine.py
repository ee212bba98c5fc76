"""A fake Ocean Engine, cheaper than any worker: both endpoints on bare uvloop protocols, with prebuilt answers.

Every device is attributed. It notes when each conversion arrived, by its `outer_event_id`.
"""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

_CONTENT_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_DEVICE = re.compile(rb'"android_id": ?"(\w+)"')
_EVENT_ID = re.compile(rb'"outer_event_id": ?"([^"]+)"')

_ATTRIBUTED = (
    '{"code":0,"message":"成功","adv_idfv":"","adv_android_id":"","idfa":"","caid":"","oaid":"","odid":"",'
    '"is_dp_open":false,"activation_window":30,"active_time":1795392000,"last_touch_time":1795391000,'
    '"project_id":7300000000000000001,"project_name":"拉新","promotion_id":7300000000000000002,'
    '"promotion_name":"河口","aid":0,"aid_name":"","cid":0,"cid_name":"","advertiser_id":1700000000000001,'
    '"req_id":"20261123","track_id":"20261123","callback_param":"bench-%b","callback_url":"","campaign_name":"",'
    '"campaign_id":0,"csite":10001,"convert_source":"bytedance","demand_id":0,"item_id":0}'
).encode()
_ACCEPTED = '{"code":0,"message":"成功"}'.encode()


class OceanEngine:
    """The server and what it received. `delay_s`: how long it waits before each answer."""

    def __init__(self) -> None:
        self.port = 0
        self.delay_s = 0.0
        self.lookups = 0
        self.reports: dict[bytes, float] = {}  # outer_event_id → monotonic time of its first arrival
        self.duplicates = 0
        self.first_at = 0.0  # when the first request arrived; 0: none yet

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Listen; `port` then holds the port."""
        server = await asyncio.get_running_loop().create_server(lambda: _Connection(self), "127.0.0.1", 0, backlog=1024)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield
        finally:
            server.close()

    def forget(self) -> None:
        self.lookups = self.duplicates = 0
        self.reports = {}
        self.first_at = 0.0

    def answer(self, request: bytes) -> bytes:
        """The body for one request."""
        self.first_at = self.first_at or time.monotonic()
        if request.startswith(b"POST /sdk/app/attribution/ "):
            self.lookups += 1
            device = _DEVICE.search(request)
            return _ATTRIBUTED % (device[1] if device else b"none")
        event_id = _EVENT_ID.search(request)
        if event_id is not None:
            self.duplicates += event_id[1] in self.reports
            self.reports.setdefault(event_id[1], time.monotonic())
        return _ACCEPTED


class _Connection(asyncio.Protocol):
    def __init__(self, ocean_engine: OceanEngine) -> None:
        self._ocean_engine = ocean_engine
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, read: bytes) -> None:
        self._received += read
        head_end = self._received.find(b"\r\n\r\n")
        if head_end < 0:
            return
        length = _CONTENT_LENGTH.search(self._received, 0, head_end)
        end = head_end + 4 + (int(length[1]) if length else 0)
        if len(self._received) < end:
            return
        request, self._received = self._received[:end], self._received[end:]
        body = self._ocean_engine.answer(request)
        response = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (
            len(body),
            body,
        )
        if self._ocean_engine.delay_s:
            asyncio.get_running_loop().call_later(self._ocean_engine.delay_s, self._transport.write, response)
        else:
            self._transport.write(response)
