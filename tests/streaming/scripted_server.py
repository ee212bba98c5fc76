"""A raw TCP server that answers each request by a script, byte for byte, and records what it saw.

    async def reset_in_the_body(peer: Peer) -> None:
        await peer.send(b"HTTP/1.1 200 OK\\r\\nContent-Length: 100\\r\\n\\r\\nfirst")
        peer.reset()

    async with ScriptedServer(reset_in_the_body, answer(b"second")) as server:
        ...                                         # a client talks to server.url
        assert server.requests[0].body == b"{}"

The n-th request, over all connections, gets the n-th script; later ones get the last. It understands just enough HTTP
to find the end of a request that has a Content-Length; what it sends is up to the script, right or wrong.
"""

import asyncio
import datetime
import ipaddress
import socket
import ssl
import struct
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self, cast

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

Script = Callable[["Peer"], Awaitable[None]]


@dataclass
class Request:
    """A received request: the head, including its closing empty line, and the body."""

    head: bytes
    body: bytes
    connection: int  # counted from 0


class Peer(asyncio.Protocol):
    """The server's end of one connection, controlled by a script."""

    def __init__(self, server: "ScriptedServer") -> None:
        self.left = asyncio.Event()  # the client closed or reset the connection, or the script did
        self.lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.sent_bytes = 0
        self._server = server
        self._received = b""
        self._writable = asyncio.Event()
        self._writable.set()

    async def send(self, *parts: bytes, pause_s: float = 0.001) -> None:
        """Write the parts with a pause after each but the last, so that the client reads each separately.

        Blocks while the client does not read.
        """
        for number, part in enumerate(parts):
            if number:
                await asyncio.sleep(pause_s)
            await self._writable.wait()
            self._transport.write(part)
            self.sent_bytes += len(part)

    def half_close(self) -> None:
        """Send no more, but keep receiving."""
        self._transport.write_eof()

    def close(self) -> None:
        """Send what is pending, then close."""
        self._transport.close()

    def reset(self) -> None:
        """Close with RST."""
        sock: socket.socket = self._transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()

    def abort(self) -> None:
        """Close now, even with data pending."""
        self._transport.abort()

    async def hang(self) -> None:
        """Do nothing until the client leaves."""
        await self.left.wait()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(0)
        self._number = len(self._server.peers)
        self._server.peers.append(self)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, end, rest = self._received.partition(b"\r\n\r\n")
        length = _content_length(head)
        if end and self._server.answers_early:
            self._transport.pause_reading()
        if end and (len(rest) >= length or self._server.answers_early):
            self._received = rest[length:]
            self._server.run_script(self, Request(head + end, rest[:length], self._number))

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def eof_received(self) -> None:
        self.left.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.set_result(None)
        self.left.set()
        self._writable.set()


class ScriptedServer:
    """See the module. With an `ssl_context` it speaks TLS; if it `answers_early` it reads no more than the head."""

    def __init__(
        self,
        *scripts: Script,
        ssl_context: ssl.SSLContext | None = None,
        host: str = "127.0.0.1",
        answers_early: bool = False,
    ) -> None:
        self.answers_early = answers_early
        self.requests: list[Request] = []
        self.peers: list[Peer] = []  # one for each connection, in order
        self._scripts = scripts
        self._ssl_context = ssl_context
        self._host = host
        self._tasks: list[asyncio.Task[None]] = []
        self._came = asyncio.Event()

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(lambda: Peer(self), self._host, 0, ssl=self._ssl_context)
        self.port: int = self._listener.sockets[0].getsockname()[1]
        host = f"[{self._host}]" if ":" in self._host else self._host
        self.url = f"{'https' if self._ssl_context else 'http'}://{host}:{self.port}/v1/chat/completions"
        return self

    async def __aexit__(self, *_exc_info: object) -> None:
        """Close everything; an exception in a script fails the test."""
        self._listener.close()
        for task in self._tasks:
            task.cancel()
        for peer in self.peers:
            peer.abort()
        await asyncio.gather(*(peer.lost for peer in self.peers))
        for ended in await asyncio.gather(*self._tasks, return_exceptions=True):
            if isinstance(ended, Exception):
                raise ended

    async def until_requests(self, number: int) -> None:
        """Wait until this many requests have arrived."""
        while len(self.requests) < number:
            self._came.clear()
            await self._came.wait()

    def run_script(self, peer: Peer, request: Request) -> None:
        script = self._scripts[min(len(self.requests), len(self._scripts) - 1)]
        self.requests.append(request)
        self._came.set()
        self._tasks.append(asyncio.ensure_future(script(peer)))


def _content_length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


def answer(body: bytes, *, headers: bytes = b"", status: bytes = b"200 OK") -> Script:
    """A whole response with Content-Length; `headers` are lines, each with its CRLF."""
    return send(b"HTTP/1.1 %b\r\nContent-Length: %d\r\n%b\r\n%b" % (status, len(body), headers, body))


def send(*parts: bytes, pause_s: float = 0.001) -> Script:
    """Sends these bytes and nothing more, each part to be read separately."""

    async def script(peer: Peer) -> None:
        await peer.send(*parts, pause_s=pause_s)

    return script


def send_and_close(*parts: bytes, pause_s: float = 0.001) -> Script:
    """Sends these bytes, then ends the connection."""

    async def script(peer: Peer) -> None:
        await peer.send(*parts, pause_s=pause_s)
        peer.close()

    return script


def self_signed_contexts(name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Return the server's and the client's TLS context for a certificate of this host name or IP address."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([_general_name(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    certificate_pem = certificate.public_bytes(serialization.Encoding.PEM)
    key_pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:
        chain = Path(folder) / "chain.pem"
        chain.write_bytes(key_pem + certificate_pem)
        server_context.load_cert_chain(chain)
    return server_context, ssl.create_default_context(cadata=certificate_pem.decode())


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
