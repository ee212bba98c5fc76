"""A small forward proxy for CONNECT and absolute-form requests: whatever they name, one port of 127.0.0.1 gets them."""

import asyncio
import contextlib
from typing import Self


class ForwardProxy:
    """`heads` are the heads of what it was asked. With a `refusal` it answers that and closes; b"" means silence."""

    def __init__(self, to_port: int, *, refusal: bytes | None = None) -> None:
        self.heads: list[str] = []
        self._to_port = to_port
        self._refusal = refusal
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: list[asyncio.StreamWriter] = []

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_exc_info: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for writer in self._writers:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        self._tasks.add(asyncio.ensure_future(self._serve(reader, writer)))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.heads.append(head.decode())
        if self._refusal is not None:
            writer.write(self._refusal)
            if self._refusal:
                writer.close()
            return
        target, target_writer = await asyncio.open_connection("127.0.0.1", self._to_port)
        self._writers.append(target_writer)
        if head.startswith(b"CONNECT "):
            writer.write(b"HTTP/1.1 200 Connection established\r\nVia: test\r\n\r\n")
        else:
            target_writer.write(head)
        await asyncio.gather(_pump(reader, target_writer), _pump(target, writer))


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while piece := await reader.read(65536):
        writer.write(piece)
    writer.close()
