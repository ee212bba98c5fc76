"""What the app and Ocean Engine send: events and clicks, each from a different user."""

import itertools
import json
import secrets
import time
from collections.abc import Callable
from urllib.parse import urlencode

_USER_AGENT = "Dalvik/2.1.0 (Linux; U; Android 14; PJZ110 Build/UKQ1.231108.001)"


class Traffic:
    """Numbers its users, so that nothing is sent twice; `name` keeps runs apart."""

    def __init__(self, name: str, *, key: str, port: int) -> None:
        self._name = name
        self._key = key
        self._port = port
        self._numbers = itertools.count()

    def events(self, count: int) -> bytes:
        """A request with this many events: a list, or the single event."""
        events = [self.event() for _ in range(count)]
        body = json.dumps(events if count > 1 else events[0], separators=(",", ":")).encode()
        return (
            f"POST /api/events/ HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\nAuthorization: Bearer {self._key}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        ).encode() + body

    def clicks_on(self, path: str) -> Callable[[], bytes]:
        """Requests for a monitor link, each with its own values for the macros."""

        def click() -> bytes:
            number = next(self._numbers)
            query = urlencode(
                {
                    "advertiser_id": 1700000000000001,
                    "project_id": 7300000000000000001,
                    "project_name": "拉新",
                    "promotion_id": 7300000000000000002,
                    "promotion_name": "河口",
                    "os": 0,
                    "oaid": secrets.token_hex(16),
                    "androidid": secrets.token_hex(16),
                    "ip": f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}",
                    "ua": _USER_AGENT,
                    "model": "PJZ110",
                    "ts": int(time.time() * 1000),
                    "request_id": f"{self._name}-{number}",
                    "track_id": f"{self._name}-{number}",
                    "callback_param": secrets.token_urlsafe(32),
                    "csite": 10001,
                }
            )
            return f"GET {path}?{query} HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\n\r\n".encode()

        return click

    def event(self) -> dict[str, object]:
        """An activation, as the app's backend posts it."""
        number = next(self._numbers)
        return {
            "event": "active",
            "user_id": f"{self._name}-{number}",
            "os": "android",
            "android_id": secrets.token_hex(8),
            "oaid": secrets.token_hex(16),
            "outer_event_id": f"{self._name}-{number}",
            "ip": "10.1.2.3",
            "user_agent": _USER_AGENT,
        }
