"""What is measured side by side. Each package here has `NAME`, a line about itself, and how to install and start it."""

import json
import socket
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

LOCAL = Path(__file__).resolve().parent.parent.parent / ".local" / "bench"
LOGS = LOCAL / "logs"
MODEL = "doubao"
UPSTREAM_KEY = "bench-upstream-key"
_START_TIMEOUT_S = 90


class NotInstalled(Exception):  # noqa: N818 - says what is the matter
    """This peer is not available on this machine; the text is the reason shown in the report."""


@dataclass(frozen=True, kw_only=True)
class Relay:
    """A running relay and how to ask it for a stream.

    `process` None: it is the provider itself. `is_resumable`: its streams go on when their client leaves.
    """

    name: str
    port: int
    process: subprocess.Popen[bytes] | None = None
    path: str = "/v1/chat/completions"
    headers: Mapping[str, str] = field(default_factory=dict)
    fields: Mapping[str, object] = field(default_factory=lambda: {"model": MODEL, "stream": True})
    end_marker: bytes = b"data: [DONE]"
    is_resumable: bool = False

    @property
    def pid(self) -> int:
        if self.process is None:
            raise ValueError(f"{self.name} has no process of its own")
        return self.process.pid

    def request(self) -> bytes:
        """The bytes of one chat request."""
        messages = [
            {"role": "system", "content": "You are a helpful assistant of a mobile app."},
            {"role": "user", "content": "给我讲一个关于河流入海的小故事,三百字左右。"},
        ]
        body = json.dumps({**self.fields, "messages": messages}, ensure_ascii=False, separators=(",", ":")).encode()
        headers = {
            "Host": f"127.0.0.1:{self.port}",
            "Authorization": f"Bearer {UPSTREAM_KEY}",
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            **self.headers,
        }
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"POST {self.path} HTTP/1.1\r\n{lines}\r\n".encode() + body


def await_port(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """Return when the server accepts connections. Raises: NotInstalled with the log's end when it does not come up."""
    give_up_at = time.monotonic() + _START_TIMEOUT_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if process.poll() is not None or time.monotonic() > give_up_at:
                raise NotInstalled(f"did not start: {log.read_text(errors='replace')[-500:]}") from None
            time.sleep(0.05)
        else:
            return
