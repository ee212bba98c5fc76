"""What operators may write into the rows of providers and routes. Every refusal says what is expected instead."""

import json
import re
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from streaming.catalogue import prices

_HOST = re.compile(r"\w(?:[\w.-]*[\w.])?|[0-9a-f:.]+(?:%[\w.]+)?", re.IGNORECASE)  # also `vllm` and `my_vllm`
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[\x20-\x7e]*")
# Written by the HTTP client, or about the connection.
_HEADERS_OF_HTTP = {
    "host", "content-length", "content-type", "transfer-encoding", "connection", "keep-alive", "accept-encoding", "te",
    "trailer", "upgrade", "expect", "proxy-connection",
}  # fmt: skip
_HEADERS_WITH_KEYS = {"authorization", "api-key", "x-api-key", "proxy-authorization", "cookie"}
# What a route itself says, and what a client asks.
_PARAMS_OF_OURS = {"model", "messages", "stream"}


def validate_prices(value: Any) -> None:
    try:
        prices.read(value)
    except prices.WrongPrices as err:
        raise ValidationError(str(err)) from None


def validate_base_url(value: str) -> None:
    """An http(s) URL that a request can be sent to. Any host will do, unlike with Django's own validator."""
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:  # a port that is not a number, unclosed brackets
        raise ValidationError(_("This is not a URL: its port or its brackets are wrong.")) from None
    if parts.scheme not in {"http", "https"} or "://" not in value:
        raise ValidationError(_("It begins with https:// or http://."))
    if "@" in parts.netloc:
        raise ValidationError(_("No user or password here: the key belongs into an environment variable."))
    if not parts.hostname or not _HOST.fullmatch(parts.hostname):
        raise ValidationError(_("It has no host, or one with characters that no host has."))
    if port == 0 or parts.netloc.endswith(":"):
        raise ValidationError(_("The port must be a number from 1 to 65535."))
    if parts.fragment or not (parts.path + parts.query).isascii() or re.search(r"[\s\x00-\x1f\x7f]", value):
        raise ValidationError(_("No blanks, no #, and only ASCII after the host: percent-encode the rest."))


def validate_proxy_env(value: str) -> None:
    """A variable's name that says what it is, so that no other variable's value is sent anywhere."""
    if value and not (_VARIABLE.fullmatch(value) and "PROXY" in value.upper()):
        raise ValidationError(_("The name of an environment variable with PROXY in it, for example LLM_PROXY."))


def validate_headers(value: Any) -> None:
    """`{"X-Project-Name": "app"}`"""
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
        raise ValidationError(_('An object of names and texts, for example {"X-Project-Name": "app"}.'))
    for name, text in value.items():
        if not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(text):
            raise ValidationError(_("%(name)s: not a header that can be sent."), params={"name": name})
        if name.lower() in _HEADERS_OF_HTTP:
            raise ValidationError(_("%(name)s: this header is written by the server itself."), params={"name": name})
        if name.lower() in _HEADERS_WITH_KEYS:
            text = _("%(name)s: a key belongs into an environment variable, see the variable with the key.")
            raise ValidationError(text, params={"name": name})


def validate_default_params(value: Any) -> None:
    """`{"temperature": 0.7}`"""
    if not isinstance(value, dict):
        raise ValidationError(_('An object of parameters, for example {"temperature": 0.7}.'))
    _refuse_ours(value)
    if "stream_options" in value:
        raise ValidationError(_("stream_options: the server writes it; see the provider's send_stream_options."))
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        raise ValidationError(_("Only values that JSON knows: no dates, no nan, no inf.")) from None


def validate_drop_params(value: Any) -> None:
    """`["seed"]`"""
    if not isinstance(value, list) or not all(isinstance(name, str) and name for name in value):
        raise ValidationError(_('A list of parameters, for example ["seed"].'))
    _refuse_ours(value)


def _refuse_ours(names: Any) -> None:
    if ours := sorted(_PARAMS_OF_OURS.intersection(names)):
        raise ValidationError(
            _("%(names)s: not a parameter that can be set or dropped."), params={"names": ", ".join(ours)}
        )
