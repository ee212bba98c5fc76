"""Typed reading of environment variables: every wrong value is refused with the name of its variable.

A thin layer over django-environ, whose own errors ("invalid literal for int()") do not name the variable.

Between `begin_collecting` and `refuse_what_is_wrong` a wrong value is noted and replaced by a harmless one, so that an
operator sees everything that needs fixing at once.
"""

import functools
import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, cast
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import environ
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from django.core.exceptions import ImproperlyConfigured

T = TypeVar("T")
P = ParamSpec("P")

# A year: anything longer is a mistake, and no timer can count down from "inf".
MAX_SECONDS = 366 * 24 * 3600

_env = environ.Env()
_names: set[str] = set()
_KINDS: dict[Any, str] = {int: "whole number", float: "number"}
_PASSWORD = re.compile(r"//.*@")
_ORIGIN_HOST = re.compile(r"[\w.:-]+")
_HOST = re.compile(r"\*|\.?[\w.-]+|\[[0-9A-Fa-f:.]+\]")


# The wrong values so far; None: nothing is collected, a wrong value raises at once.
_wrong: list[str] | None = None


def begin_collecting() -> None:
    """From here on, note wrong values instead of raising."""
    global _wrong  # settings are read once, by one thread
    _wrong = []


def refuse_what_is_wrong() -> None:
    """If any value was wrong, end the process with a message that lists all of them.

    Raises: SystemExit, which every entry point (manage.py, uvicorn, Celery) prints without a traceback.
    """
    global _wrong  # settings are read once, by one thread
    wrong, _wrong = _wrong or [], None
    if wrong:
        count = "1 setting is wrong" if len(wrong) == 1 else f"{len(wrong)} settings are wrong"
        lines = "".join(f"  {line}\n" for line in wrong)
        raise SystemExit(f"Rivermouth cannot start: {count}.\n{lines}All settings are in README.md, under Settings.")


def _else(harmless: Any) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """A reader that returns `harmless` if the variable is wrong and wrong values are being collected."""

    def collecting(read: Callable[P, T]) -> Callable[P, T]:
        @functools.wraps(read)
        def reading(*arguments: P.args, **options: P.kwargs) -> T:
            global _wrong  # settings are read once, by one thread
            if _wrong is None:
                return read(*arguments, **options)
            wrong, _wrong = _wrong, None  # inner readers raise, so that the mistake is noted only once, here
            try:
                return read(*arguments, **options)
            except ImproperlyConfigured as err:
                wrong.append(str(err))
                return cast(T, harmless)
            finally:
                _wrong = wrong

        return reading

    return collecting


def read_file(path: Path) -> None:
    """Read the variables of a `NAME=value` file if it exists; the real environment takes precedence."""
    if path.is_file():
        _env.read_env(str(path))


def as_file(values: Mapping[str, str]) -> str:
    """The text that `read_file` reads back as these values."""
    escaped = {name: value.replace("\\", "\\\\").replace('"', '\\"') for name, value in values.items()}
    return "".join(f'{name}="{value}"\n' for name, value in escaped.items())


def names() -> set[str]:
    """The names of all variables that have been read."""
    return set(_names)


def given() -> dict[str, str]:
    """The variables that have been read and are set, with their values."""
    return {name: os.environ[name] for name in sorted(_names) if name in os.environ}


@_else("")
def text(name: str, default: str | None = None) -> str:
    """A text; without a default the variable is required. An empty variable counts as unset: `NAME= make run`."""
    _names.add(name)
    value = os.environ.get(name) or default
    if value is None:
        raise ImproperlyConfigured(f"{name} is not set: it is required")
    return value


@_else(False)
def flag(name: str, *, default: bool) -> bool:
    words = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
    value = text(name, "1" if default else "0").strip().lower()
    if value not in words:
        raise ImproperlyConfigured(f"{name}={value!r}: not a flag; one of {', '.join(words)}")
    return words[value]


@_else(1)
def integer(name: str, default: int, *, minimum: int = 0, maximum: int | None = None) -> int:
    return _in_range(name, int, text(name, str(default)), minimum, maximum)


@_else(1.0)
def seconds(name: str, default: float, *, minimum: float = 0.001, maximum: float = MAX_SECONDS) -> float:
    return _in_range(name, float, text(name, str(default)), minimum, maximum)


@_else("")
def choice(name: str, default: str, allowed: Sequence[str]) -> str:
    value = text(name, default)
    if value not in allowed:
        raise ImproperlyConfigured(f"{name}={value!r}: not one of {', '.join(allowed)}")
    return value


def listing(name: str, default: str | None = "") -> list[str]:
    """A comma-separated list; blanks and empty items are dropped."""
    return [item for item in (part.strip() for part in text(name, default).split(",")) if item]


@_else([])
def integers(name: str, default: str) -> list[int]:
    """A comma-separated list of whole numbers, each at least 0."""
    return [_in_range(name, int, item, 0, None) for item in listing(name, default)]


@_else({})
def pairs(name: str, default: str) -> dict[str, str]:
    """A comma-separated list of `key=value`, in order; each key only once."""
    found: dict[str, str] = {}
    for item in listing(name, default):
        key, equals, value = item.partition("=")
        if not (equals and key.strip() and value.strip()):
            raise ImproperlyConfigured(f"{name}: {item!r} is not of the form key=value")
        if key.strip() in found:
            raise ImproperlyConfigured(f"{name}: {key.strip()!r} is there twice")
        found[key.strip()] = value.strip()
    return found


@_else([])
def hosts(name: str, default: str) -> list[str]:
    """A comma-separated list of host names, without scheme, port or path. `*`: all; `.x.y`: x.y and its subdomains."""
    found = listing(name, default)
    for host in found:
        if not _HOST.fullmatch(host):
            raise ImproperlyConfigured(f"{name}: {host!r} is not a host name such as rivermouth.example.com")
    return found


@_else("redis://unknown.invalid")  # redis-py checks the scheme when the settings create its pool
def url(name: str, default: str | None = None, *, schemes: Sequence[str] = ("http", "https")) -> str:
    """An absolute URL of one of the schemes, without a trailing slash."""
    value = text(name, default)
    try:
        parts = urlsplit(value)
        is_url = parts.scheme in schemes and bool(parts.netloc or parts.path) and parts.port != 0
    except ValueError:  # a port that is not a number, unclosed brackets
        is_url = False
    if not is_url:
        shown = _PASSWORD.sub("//…@", value)
        raise ImproperlyConfigured(f"{name}={shown!r}: not a URL that starts with {' or '.join(schemes)}")
    return value.rstrip("/")


@_else([])
def origins(name: str) -> list[str]:
    """A comma-separated list of web pages' origins, as browsers write them (`https://app.example.com`), or `*`."""
    return [_origin(name, item) for item in listing(name)]


def _origin(name: str, item: str) -> str:
    try:
        parts = urlsplit(item.lower())
        host = parts.hostname or ""
        is_origin = f"{parts.scheme}://{parts.netloc}" == item.lower() and parts.port != 0 and not parts.username
    except ValueError:  # a port that is not a number, unclosed brackets
        is_origin = False
    if item != "*" and not (is_origin and parts.scheme and _ORIGIN_HOST.fullmatch(host)):
        raise ImproperlyConfigured(f"{name}: {item!r} is neither an origin such as https://app.example.com nor *")
    return item.lower()


@_else("UTC")
def time_zone(name: str, default: str) -> str:
    value = text(name, default)
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError) as err:
        raise ImproperlyConfigured(f"{name}={value!r}: not a time zone such as Asia/Shanghai") from err
    return value


@_else("")
def rsa_key(name: str, *, needed_by: str) -> str:
    """A private key in PEM, its line ends also as a backslash and an n; "" unless the setting `needed_by` is there."""
    pem = text(name, "").replace("\\n", "\n")
    if not pem and not text(needed_by, ""):
        return ""
    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError):  # its message, like ours, leaves the secret out of the logs
        key = None
    if not isinstance(key, RSAPrivateKey):
        raise ImproperlyConfigured(f"{name} is not an RSA private key in PEM, without a password")
    return pem


@_else([])
def encryption_keys(name: str, default: str | None = None) -> list[str]:
    """A comma-separated list of keys, newest first: 32 random bytes in URL-safe base64 (`Fernet.generate_key()`)."""
    keys = listing(name, default)
    for position, key in enumerate(keys, 1):
        try:
            Fernet(key)
        except ValueError:  # its message, like ours, leaves the secret out of the logs
            raise ImproperlyConfigured(f"{name}: key {position} is not 32 bytes in URL-safe base64") from None
    if not keys:
        raise ImproperlyConfigured(f"{name} has no key")
    return keys


@_else({"OPTIONS": {}})
def database(name: str) -> dict[str, Any]:
    """Django's settings for a `postgres://` URL; its query (`?host=/run/postgresql&sslmode=…`) becomes `OPTIONS`."""
    value = url(name, schemes=("postgres", "postgresql"))
    return {"OPTIONS": {}, **_env.db_url_config(value)}


def _in_range(name: str, kind: Callable[[str], T], raw: str, minimum: T, maximum: T | None) -> T:
    try:
        value = kind(raw)
    except ValueError as err:
        raise ImproperlyConfigured(f"{name}={raw!r}: not a {_KINDS[kind]}") from err
    # Written this way round because "nan" is neither less nor greater than anything.
    if not (value >= minimum and (maximum is None or value <= maximum)):  # type: ignore[operator]  # int or float
        limits = f"at least {minimum}" if maximum is None else f"{minimum} to {maximum}"
        raise ImproperlyConfigured(f"{name}={value}: out of range, {limits}")
    return value
