"""HTTP to ad platforms: one pooled session per process, single requests, and every way that they can end.

PlatformError
├── PlatformUnavailable    no verdict: try again
├── PlatformUnauthorised   we are not let in: everything for this destination waits
└── PlatformRejected       a verdict: tried a few more times, or final
"""

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache, lru_cache
from http.cookiejar import DefaultCookiePolicy
from typing import TypeAlias

import requests
from django.conf import settings
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError, NameResolutionError, NewConnectionError

RETRYABLE_STATUSES = {408, 425, 429} | set(range(500, 600))
TOO_MANY_REQUESTS = 429
UNAUTHORISED_STATUSES = {401, 403}
MAX_RESPONSE_BYTES = 64 * 1024
# Number of hosts whose connections are kept; a platform has one or two.
POOLED_HOSTS = 16
# Number of prepared requests that are kept: one per endpoint, plus callback addresses from clicks.
PREPARED_REQUESTS = 256

# The name and value of each header, usable as a cache key for prepared requests.
Headers: TypeAlias = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """The response, as far as it arrived. `http_status` None: nothing did.

    `code` and `message` are the vendor's. `warning` is a vendor's objection to a report that it nevertheless accepted.
    """

    http_status: int | None = None
    body: bytes = b""
    code: int | None = None
    message: str = ""
    warning: str = ""
    duration_ms: int = 0


class PlatformError(Exception):
    """A request that did not succeed; `reply` is the response."""

    def __init__(self, message: str, reply: Reply) -> None:
        super().__init__(message)
        self.reply = reply


class PlatformUnavailable(PlatformError):  # noqa: N818  # named by what it means to the caller
    """No verdict; try again with the identical body.

    `is_unknown`: the request may have been processed. `is_throttled`: it was not, because we sent too many; this says
    nothing about the destination's health. `retry_after_s`: from the answer, if it had one.
    """

    def __init__(
        self,
        message: str,
        reply: Reply,
        *,
        is_unknown: bool = False,
        is_throttled: bool = False,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message, reply)
        self.is_unknown = is_unknown
        self.is_throttled = is_throttled
        self.retry_after_s = retry_after_s


class PlatformUnauthorised(PlatformError):  # noqa: N818  # named by what it means to the caller
    """A token or a permission is missing or has expired: no fault of the request, and the same for all others."""


class PlatformRejected(PlatformError):  # noqa: N818  # named by what it means to the caller
    """The platform said no; `reply` has its code and message. `is_final`: it would say so again."""

    def __init__(self, message: str, reply: Reply, *, is_final: bool = True) -> None:
        super().__init__(message, reply)
        self.is_final = is_final


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """How long one call may take. `settings`: the names of these settings, for operators."""

    connect_s: float
    read_s: float
    total_s: float
    settings: str

    @property
    def longest_s(self) -> float:
        return self.connect_s + self.total_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """The hosts of one platform. Only `origins`, such as `https://api.example.com`, are ever called.

    Some platforms put a whole URL into the click, and anyone who knows a monitor link can make up a click: without this
    list they could make us call addresses inside our own network.
    """

    origins: Collection[str]
    timeouts: Timeouts

    def post(
        self, url: str, body: bytes, *, headers: Headers = (), signature: Mapping[str, str] | None = None
    ) -> Reply:
        """`headers` are constant, `signature` belongs to this body. Raises: `PlatformError`, unless 2xx."""
        request = self._request("POST", url, headers)
        request.body = body
        request.headers["Content-Length"] = str(len(body))
        request.headers.update(signature or {})
        return self._send(request)

    def get(self, url: str, *, headers: Headers = ()) -> Reply:
        """`url` includes its query, percent-encoded. Raises: `PlatformError`, unless 2xx."""
        base, _, _ = url.partition("?")
        request = self._request("GET", base, headers)
        request.url = url
        return self._send(request)

    def _request(self, method: str, url: str, headers: Headers) -> requests.PreparedRequest:
        # Compared as text up to the slash: two URL parsers may find different hosts in one URL.
        if not f"{url}/".startswith(tuple(f"{origin}/" for origin in self.origins)):
            raise PlatformRejected("the address is not one of this platform's", Reply())
        return _prepared(method, url, headers).copy()

    def _send(self, request: requests.PreparedRequest) -> Reply:
        started = time.monotonic()
        try:
            response = _session().send(
                request,
                # A redirect would carry device ids to a host that nobody configured.
                allow_redirects=False,
                stream=True,
                timeout=(self.timeouts.connect_s, self.timeouts.read_s),
            )
            content = _read(response, give_up_at=started + self.timeouts.total_s)
        except (requests.RequestException, HTTPError) as err:
            reply = Reply(duration_ms=_ms_since(started))
            raise PlatformUnavailable(_without_address(err), reply, is_unknown=not _never_left(err)) from err
        reply = Reply(http_status=response.status_code, body=content, duration_ms=_ms_since(started))
        _raise_for_status(reply, response.headers)
        return reply


@lru_cache(maxsize=PREPARED_REQUESTS)
def _prepared(method: str, url: str, headers: Headers) -> requests.PreparedRequest:
    """The constant parts of a request: preparing them costs half as much as sending."""
    request = requests.Request(method, url, headers={"User-Agent": "rivermouth", **dict(headers)})
    try:
        return _session().prepare_request(request)
    except (requests.RequestException, ValueError) as err:  # an address from a click may be anything
        raise PlatformRejected("the address is not a URL", Reply()) from err


@cache
def _session() -> requests.Session:
    """One session per process. It keeps no cookies, and ignores the environment's proxies and .netrc."""
    session = requests.Session()
    session.trust_env = False
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    adapter = HTTPAdapter(pool_connections=POOLED_HOSTS, pool_maxsize=settings.CONVERSION_CONCURRENCY)
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    return session


def _read(response: requests.Response, *, give_up_at: float) -> bytes:
    """Read at most `MAX_RESPONSE_BYTES`: a longer answer is cut off, and its connection closed."""
    content = b""
    while len(content) < MAX_RESPONSE_BYTES:
        piece = response.raw.read1(MAX_RESPONSE_BYTES - len(content), decode_content=True)
        if not piece:
            return content
        content += piece
        if time.monotonic() > give_up_at:  # each read has its own timeout, which a slowly dripping answer never reaches
            response.close()
            raise requests.ReadTimeout("the answer took too long")
    response.close()
    return content


def _raise_for_status(reply: Reply, headers: Mapping[str, str]) -> None:
    status = reply.http_status or 0
    if 200 <= status < 300:
        return
    if status in UNAUTHORISED_STATUSES:
        raise PlatformUnauthorised(f"HTTP {status}", reply)
    if 400 <= status < 500 and status not in RETRYABLE_STATUSES:
        raise PlatformRejected(f"HTTP {status}", reply)
    raise PlatformUnavailable(
        f"HTTP {status}",
        reply,
        is_throttled=status == TOO_MANY_REQUESTS,
        retry_after_s=_retry_after_s(headers.get("Retry-After", "")),
    )


def _retry_after_s(value: str) -> float | None:
    """Seconds or an HTTP date; None for everything else."""
    if value.strip().isdecimal():
        return float(value)
    try:
        return (parsedate_to_datetime(value) - datetime.now(tz=UTC)).total_seconds()
    except (ValueError, TypeError):
        return None


def _never_left(err: Exception) -> bool:
    """Whether the request was certainly not sent, because there was no connection."""
    if isinstance(err, requests.ConnectTimeout):
        return True
    cause = getattr(err.args[0], "reason", None) if err.args else None
    return isinstance(cause, NewConnectionError | NameResolutionError)


def _without_address(err: Exception) -> str:
    """The kind of failure in one word: the library's text is full of object ids and differs each time."""
    return type(err).__name__


def _ms_since(started: float) -> int:
    return round((time.monotonic() - started) * 1000)
