"""A lean HTTP/1.1 client for streamed POSTs, on asyncio and httptools.

It exists because the relay's price is mostly its HTTP client's: here a body is pushed to its receiver straight from
the socket's callback, one call per read, with no task switch and no queue between. It knows POST and nothing else: no
redirects, no proxies, no cookies. What the bodies mean is not known here (see `streaming.wire`).

    response = await pool.post(url, headers, body)     # returns with the head
    response.deliver_to(receiver)                      # pushes the body; or: await response.read(limit)
"""

from streaming.upstream.errors import (
    BodyTooLarge,
    ConnectFailed,
    ConnectionLost,
    ConnectTimedOut,
    ProtocolError,
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
    "UpstreamError",
    "UpstreamPool",
    "UpstreamResponse",
]
