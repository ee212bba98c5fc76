"""Outbound proxies: which one the environment names for a URL, and what a proxy's own URL says. No I/O."""

import ipaddress
import os
from base64 import b64encode
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import SplitResult, unquote_to_bytes, urlsplit

_PORTS = {"http": 80, "https": 443}


class Proxy(NamedTuple):
    """`authorization` is the value of Proxy-Authorization, b"" for a proxy that lets everyone through."""

    host: str
    port: int
    is_tls: bool
    authorization: bytes


@lru_cache(maxsize=64)
def parse(url: str) -> Proxy:
    """The proxy at `[http[s]://][user:password@]host[:port]`. Raises: ValueError, which quotes nothing of it."""
    scheme, _, _ = url.rpartition("://")
    parts = urlsplit(url if scheme else f"http://{url}")
    try:
        port = parts.port
    except ValueError:
        port = 0
    if parts.scheme not in _PORTS or not parts.hostname or port == 0:
        raise ValueError("a proxy's URL is http(s)://[user:password@]host[:port]")
    is_tls = parts.scheme == "https"
    return Proxy(parts.hostname, port or _PORTS[parts.scheme], is_tls, _basic(parts))


def _basic(parts: SplitResult) -> bytes:
    if not parts.username:
        return b""
    user, password = unquote_to_bytes(parts.username), unquote_to_bytes(parts.password or "")
    return b"Basic " + b64encode(user + b":" + password)


def url_in_environment(url: str) -> str | None:
    """The proxy's URL that `HTTPS_PROXY` or `HTTP_PROXY` names for this URL; None: go directly, as `NO_PROXY` may say.

    The names in lower case come first, as in curl.
    """
    scheme = "https" if url.startswith("https:") else "http"
    proxy_url = _variable(f"{scheme}_proxy")
    if not proxy_url or _is_direct(url, _variable("no_proxy")):
        return None
    return proxy_url


def _variable(name: str) -> str:
    return (os.environ.get(name) or os.environ.get(name.upper()) or "").strip()


@lru_cache(maxsize=256)
def _is_direct(url: str, no_proxy: str) -> bool:
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".")
    port = parts.port or _PORTS.get(parts.scheme)
    return any(_covers(entry, host, port) for entry in no_proxy.lower().replace(",", " ").split())


def _covers(entry: str, host: str, port: int | None) -> bool:
    """Whether an entry of `NO_PROXY` means this host: `*`, a domain with its subdomains, an address, a network; with or
    without a port."""
    if entry == "*":
        return True
    if (address := _address(host)) is not None and (network := _network(entry)) is not None:
        return address in network
    name, colon, only_port = entry.rpartition(":")
    if colon and only_port.isdigit() and not name.endswith(":"):
        entry = name
        if int(only_port) != port:
            return False
    entry = entry.strip("[]").removeprefix("*").strip(".")
    return bool(entry) and (host == entry or host.endswith(f".{entry}"))


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _network(entry: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(entry.strip("[]"), strict=False)
    except ValueError:
        return None
