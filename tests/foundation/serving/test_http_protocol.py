"""What the web server accepts on the wire: addresses with bytes beyond ASCII, and requests that offer an upgrade."""

import json
import shutil
import socket
import subprocess
from http.client import HTTPResponse
from urllib.parse import urlsplit

import pytest

from attribution.models import App, Click, Conversion
from foundation.serving.http_protocol import with_escaped_address, without_upgrade
from tests.clients import raw
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


@pytest.mark.parametrize("encoding", ["utf-8", "gbk"])
def test_click_with_an_unescaped_name_is_stored(stack: Stack, encoding: str) -> None:
    name = "小米".encode(encoding)

    statuses = send(stack, *(click(b"request_id=%d&model=%b" % (number, name)) for number in range(3)))

    assert statuses == [200, 200, 200]
    assert list(Click.objects.order_by("request_id").values_list("device_model", flat=True)) == ["小米"] * 3


def test_body_that_looks_like_a_request_is_left_as_it_is(stack: Stack) -> None:
    body = "GET /小米 HTTP/1.1\r\n".encode()
    head = (
        f"POST /api/events/ HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {stack.key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\nExpect: 100-continue\r\n\r\n"
    ).encode()

    # If escaped, the body would be longer than announced, and its end taken for the next request.
    assert send(stack, head, body, click(b"request_id=after")) == [100, 400, 200]


def test_only_the_first_line_is_escaped() -> None:
    request = b"GET /?a=\xd0\xa1&b=%41 HTTP/1.1\r\nX-Name: \xd0\r\n\r\n"

    assert with_escaped_address(request) == b"GET /?a=%D0%A1&b=%41 HTTP/1.1\r\nX-Name: \xd0\r\n\r\n"


EVENT = {"event": "active", "user_id": "u1", "os": "android", "android_id": "89aaa371d65a588b"}
CHAT = {"model": "doubao", "messages": [{"role": "user", "content": "Hi"}]}
H2C = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n"
WEBSOCKET = (
    b"Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: eA==\r\n"
)
OTHER = b"connection: upgrade\r\nupgrade: TLS/1.0, IRC/6.9\r\n"


def post(stack: Stack, path: str, body: object, wish: bytes = b"", *, is_chunked: bool = False) -> bytes:
    payload = json.dumps(body).encode()
    framing = b"Content-Length: %d" % len(payload)
    if is_chunked:
        payload = b"".join(b"1\r\n%c\r\n" % byte for byte in payload) + b"0\r\n\r\n"
        framing = b"Transfer-Encoding: chunked"
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {stack.key}\r\n".encode()
    return b"%bContent-Type: application/json\r\n%b%b\r\n\r\n%b" % (head, wish, framing, payload)


@pytest.mark.parametrize("wish", [H2C, WEBSOCKET, OTHER])
@pytest.mark.parametrize("is_chunked", [False, True])
def test_upgrade_that_is_not_taken_is_ignored(stack: Stack, wish: bytes, is_chunked: bool) -> None:
    event, chat = (
        post(stack, "/api/events/", EVENT, wish, is_chunked=is_chunked),
        post(stack, "/v1/chat/completions", CHAT, wish, is_chunked=is_chunked),
    )

    # All on one connection: none of them ends it.
    assert send(stack, event, chat, event) == [202, 200, 202]
    assert Conversion.objects.get().user_id == "u1"


def test_upgrade_is_ignored_however_the_request_is_cut(stack: Stack) -> None:
    requests = post(stack, "/api/events/", EVENT, H2C) + post(stack, "/api/events/", {**EVENT, "user_id": "u2"}, H2C)
    address = urlsplit(stack.url)
    with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in range(0, len(requests), 7):
            connection.sendall(requests[at : at + 7])
        answers = b""
        while answers.count(b"HTTP/1.1 ") < 2 and (read := connection.recv(65536)):
            answers += read

    assert answers.count(b"HTTP/1.1 202 ") == 2
    assert set(Conversion.objects.values_list("user_id", flat=True)) == {"u1", "u2"}


def test_any_number_of_upgrades_may_come_at_once(stack: Stack) -> None:
    number = 2_000  # more than Python's stack is deep, many in one read
    address = urlsplit(stack.url)
    with socket.create_connection((address.hostname, address.port), timeout=30) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n" * number)
        received = b""
        while received.count(b"HTTP/1.1 200 ") < number:
            read = connection.recv(65536)
            assert read, f"closed after {received.count(b'HTTP/1.1 200 ')} answers"
            received += read


@pytest.mark.parametrize("path", ["/api/events/", "/api/tokens/"])  # driven, and by way of Django's middleware
def test_body_in_chunks_is_read(stack: Stack, path: str) -> None:
    bodies = {"/api/events/": EVENT, "/api/tokens/": {"user_id": "u1"}}

    [status] = send(stack, post(stack, path, bodies[path], is_chunked=True))

    assert status == {"/api/events/": 202, "/api/tokens/": 201}[path]


def test_tunnel_is_refused(stack: Stack) -> None:
    assert send(stack, b"CONNECT example.org:443 HTTP/1.1\r\nHost: example.org\r\n\r\n") == [400]


def test_head_keeps_all_but_the_wish() -> None:
    headers = [(b"host", b"x"), (b"connection", b"close, Upgrade"), (b"upgrade", b"h2c"), (b"x-empty", b"")]

    head = without_upgrade(b"POST", b"/a?b", headers, version="1.1")

    assert head == b"POST /a?b HTTP/1.1\r\nhost: x\r\nconnection: close\r\nx-empty: \r\n\r\n"


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_curl_that_asks_for_http2_reports_its_event(stack: Stack) -> None:
    command = ["curl", "--silent", "--http2", f"{stack.url}/api/events/", "--json", json.dumps(EVENT)]
    answer = subprocess.run([*command, "-H", f"Authorization: Bearer {stack.key}"], capture_output=True, check=True)

    assert json.loads(answer.stdout)["duplicate"] is False


@pytest.mark.skipif(shutil.which("javac") is None, reason="no Java compiler (Debian: default-jdk-headless)")
def test_javas_client_reports_events_and_chats(stack: Stack) -> None:
    calls = [(f"{stack.url}/api/events/", EVENT), (f"{stack.url}/v1/chat/completions", CHAT)]

    answers = raw.sent_by_java(stack.key, calls)

    assert [status for status, _text in answers] == [202, 200]
