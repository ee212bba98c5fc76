"""Addresses with bytes beyond ASCII, as the web server takes them from the wire."""

import socket
from http.client import HTTPResponse
from urllib.parse import urlsplit

import pytest

from attribution.models import App, Click
from foundation.serving.http_protocol import with_escaped_address
from tests.stack import Stack


def send(stack: Stack, *requests: bytes) -> list[int]:
    """Send the requests on one connection, one packet each; returns the statuses."""
    address = urlsplit(stack.url)
    statuses = []
    with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
        for request in requests:
            connection.sendall(request)
            if b"100-continue" in request:
                statuses.append(int(connection.recv(1024).split()[1]))
                continue
            answer = HTTPResponse(connection)
            answer.begin()
            answer.read()
            statuses.append(answer.status)
    return statuses


def click(query: bytes) -> bytes:
    token = App.objects.get(slug="demo").monitor_token.encode()
    return b"GET /track/oceanengine/%b/?%b HTTP/1.1\r\nHost: x\r\n\r\n" % (token, query)


@pytest.mark.parametrize(("encoding", "model"), [("utf-8", "小米"), ("gbk", "\u0421\ufffd\ufffd")])  # read as UTF-8
def test_click_with_an_unescaped_name_is_stored(stack: Stack, encoding: str, model: str) -> None:
    name = "小米".encode(encoding)

    statuses = send(stack, *(click(b"request_id=%d&model=%b" % (number, name)) for number in range(3)))

    assert statuses == [200, 200, 200]
    assert list(Click.objects.order_by("request_id").values_list("device_model", flat=True)) == [model] * 3


def test_body_that_looks_like_a_request_is_left_as_it_is(stack: Stack) -> None:
    body = "GET /小米 HTTP/1.1\r\n".encode()
    head = (
        f"POST /api/events/ HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {stack.key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\nExpect: 100-continue\r\n\r\n"
    ).encode()

    # Escaped, the body would be longer than was said, and its end be taken for the next request.
    assert send(stack, head, body, click(b"request_id=after")) == [100, 400, 200]


def test_only_the_first_line_is_escaped() -> None:
    request = b"GET /?a=\xd0\xa1&b=%41 HTTP/1.1\r\nX-Name: \xd0\r\n\r\n"

    assert with_escaped_address(request) == b"GET /?a=%D0%A1&b=%41 HTTP/1.1\r\nX-Name: \xd0\r\n\r\n"
