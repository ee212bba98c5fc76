"""REST framework as lenient as our own endpoints: JSON in and out, and its reading of the Accept header."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from django.core.exceptions import RequestDataTooBig
from rest_framework.exceptions import APIException, NotAcceptable, ParseError
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import BaseParser, JSONParser
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import exception_handler

from foundation.parsing import bodies, surrogates
from foundation.parsing.bodies import UnreadableBody

_NO_TEXT = re.compile("[\0\ud800-\udfff]")


class Unreadable(APIException):
    def __init__(self, cause: UnreadableBody) -> None:
        super().__init__(cause.message, code="unreadable_body")
        self.status_code = cause.status


class JsonParser(JSONParser):
    """JSON in any coding and charset that `bodies` reads, whatever the Content-Type calls it."""

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None) -> Any:
        """What is no text in a field is left to the field, which refuses it by name; see `_mended_inside`."""
        request = (parser_context or {})["request"]
        try:
            body = bodies.read(request._request)
            parsed = json.loads(body.decode("utf-8", "surrogatepass"), parse_constant=_refuse_constant)
        except UnreadableBody as err:
            raise Unreadable(err) from err
        except UnicodeDecodeError as err:
            raise ParseError(f"JSON parse error - not UTF-8: {err.reason} at byte {err.start}.") from err
        except RecursionError as err:
            raise ParseError("The JSON is nested too deeply.") from err
        except ValueError as err:
            raise ParseError(f"JSON parse error - {err}") from err
        if b"\\u0000" in body or b"\xed" in body or surrogates.may_be_in(body):
            return _mended_inside(parsed)
        return parsed


class JsonRenderer(JSONRenderer):
    """JSON, also of an answer that quotes half a surrogate pair."""

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Mapping[str, Any] | None = None
    ) -> Any:
        try:
            return super().render(data, accepted_media_type, renderer_context)
        except UnicodeEncodeError:
            return super().render(_mended(data), accepted_media_type, renderer_context)


class AlwaysJson(DefaultContentNegotiation):
    """A client that accepts nothing that we have gets JSON all the same, and its own body is read as JSON.

    Many send `Accept: text/event-stream` with every request, or a header that is no media type; curl and the beacons of
    browsers call JSON a form or plain text.
    """

    def select_parser(self, request: Request, parsers: Iterable[BaseParser]) -> BaseParser:
        choice = list(parsers)
        return super().select_parser(request, choice) or choice[0]

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        choice = list(renderers)
        selected: tuple[BaseRenderer, str]
        try:
            selected = super().select_renderer(request, choice, format_suffix)
        except NotAcceptable:
            selected = choice[0], choice[0].media_type
        return selected


def answer_of(error: Exception, context: dict[str, Any]) -> Response | None:
    """REST framework's answer to an exception; it has none of its own for a body that is larger than we read."""
    if isinstance(error, RequestDataTooBig):
        error = Unreadable(bodies.too_large())
    return exception_handler(error, context)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _mended_inside(parsed: Any) -> Any:
    """Mend what no field refuses: names, and what is inside objects that are passed on."""
    if isinstance(parsed, list):
        return [_mended_inside(item) for item in parsed]
    if not isinstance(parsed, dict):
        return parsed
    return {_mended_text(name): value if isinstance(value, str) else _mended(value) for name, value in parsed.items()}


def _mended(parsed: Any) -> Any:
    if isinstance(parsed, str):
        return _mended_text(parsed)
    if isinstance(parsed, list):
        return [_mended(item) for item in parsed]
    if isinstance(parsed, dict):
        return {_mended_text(name): _mended(value) for name, value in parsed.items()}
    return parsed


def _mended_text(text: str) -> str:
    """With U+FFFD, which browsers would show, for what PostgreSQL cannot store: NUL, and half a surrogate pair."""
    return _NO_TEXT.sub("\ufffd", text)
