"""Billboard's callback host: a real HTTP server in a thread that records its calls and answers as told."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

from tests.platforms.made_up.platform import answer


@dataclass
class Host:
    """`answers`: the answers in turn, each a status and a body; a body of None closes the connection instead."""

    origin: str = ""
    calls: list[dict[str, str]] = field(default_factory=list)
    answers: list[tuple[int, bytes | None]] = field(default_factory=list)


@contextmanager
def serving() -> Iterator[Host]:
    host = Host()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            host.calls.append(dict(parse_qsl(urlsplit(self.path).query)))
            status, body = host.answers.pop(0) if host.answers else (200, answer(True))
            if body is None:
                self.close_connection = True
                return
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    host.origin = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield host
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
