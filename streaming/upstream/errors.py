"""What can go wrong between a request and the end of its response.

    UpstreamError
    ├── ConnectFailed            no connection; nothing was sent
    │   ├── ConnectTimedOut
    │   └── ProxyRefused
    ├── ProtocolError            the answer is not HTTP/1.1 as this client understands it
    ├── ConnectionLost           the connection ended before the response did
    │   └── ClosedUnanswered
    └── BodyTooLarge             read(limit) met a longer body

The messages name hosts: they are for logs, never for clients.
"""


class UpstreamError(Exception):
    """The upstream did not give a complete response."""


class ConnectFailed(UpstreamError):  # noqa: N818 - named by what happened
    """No connection: name not resolved, refused, unreachable, or TLS failed."""


class ConnectTimedOut(ConnectFailed):
    """The connection, with its TLS handshake, took longer than the connect timeout."""


class ProxyRefused(ConnectFailed):
    """The proxy in between gives no tunnel to the upstream."""


class ProtocolError(UpstreamError):
    """The answer breaks HTTP/1.1, or uses a part of it that this client does not speak."""


class ConnectionLost(UpstreamError):  # noqa: N818 - named by what happened
    """Reset, closed or aborted before the end of the response: any body received is truncated."""


class BodyTooLarge(UpstreamError):  # noqa: N818 - named by what happened
    """The whole body was requested, and it is longer than the limit."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"the body is longer than {limit} bytes")
        self.limit = limit


class ClosedUnanswered(ConnectionLost):
    """Not one byte of a response arrived; the pool uses this to recognise a stale connection."""
