"""A lean HTTP/1.1 client for streamed POSTs, on asyncio and httptools.

It exists because most of a relay's cost is its HTTP client: here a body is pushed to its receiver straight from the
socket's callback, one call per read, with no task switch or queue in between. It supports only POST: no redirects, no
cookies. It does not interpret the bodies (see `streaming.wire`).

    response = await pool.post(url, headers, body)     # returns with the head
    response.deliver_to(receiver)                      # pushes the body; or: await response.read(limit)
"""

from streaming.upstream.errors import (
    BodyTooLarge,
    ConnectFailed,
    ConnectionLost,
    ConnectTimedOut,
    ProtocolError,
    ProxyRefused,
    UpstreamError,
)
from streaming.upstream.pool import UpstreamPool
from streaming.upstream.response import BodyReceiver, Headers, UpstreamResponse

__all__ = [
    "BodyReceiver",
    "BodyTooLarge",
    "ConnectFailed",
    "ConnectTimedOut",
    "ConnectionLost",
    "Headers",
    "ProtocolError",
    "ProxyRefused",
    "UpstreamError",
    "UpstreamPool",
    "UpstreamResponse",
]
