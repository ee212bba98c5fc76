"""Every kind of fault as its victim sees it, and the book of faults."""

import gzip
import json
import socket
import time
from typing import Any

import pytest
import requests

from sandbox.vendors.faults import HTML
from tests.sandbox.conftest import SandboxClient, payloads, read
from tests.sandbox.vendors.test_ocean_engine import ADVERTISER_ID, ATTRIBUTION, CONVERSION, query, report

CHAT = "/api/v3/chat/completions"
REQUESTS: dict[str, tuple[str, dict[str, Any]]] = {
    "chat": (CHAT, {"model": "doubao", "stream": True, "messages": [{"role": "user", "content": "hello"}]}),
    "attribution": (ATTRIBUTION, query("device")),
    "conversion": (CONVERSION, report()),
}
TARGETS = sorted(REQUESTS)


def send(sandbox: SandboxClient, on: str) -> requests.Response:
    path, payload = REQUESTS[on]
    return sandbox.post(path, payload, Authorization="Bearer key")


def processed(ledger: dict[str, Any]) -> list[int]:
    """How many conversions, look-ups and refused requests it has."""
    return [ledger["totals"][sort] for sort in ("conversions", "lookups", "refused")]


def text_of(events: list[Any]) -> str:
    return "".join(event["choices"][0]["delta"]["content"] for event in events if event)


def whole_stream(sandbox: SandboxClient) -> list[Any]:
    """The answer without a fault."""
    return payloads(send(sandbox, "chat").content)


def faulty_stream(sandbox: SandboxClient, kind: str, **parameters: object) -> tuple[bytes, bool]:
    """What arrives of the same answer with this fault, and whether it ended as HTTP requires."""
    sandbox.fault("chat", kind, **parameters)
    return read(sandbox.chat(stream=True))


# Instead of an answer.


@pytest.mark.parametrize(
    ("on", "error"),
    [
        (
            "chat",
            {
                "error": {
                    "code": "InternalServiceError",
                    "message": "The service encountered an unexpected internal error.",
                    "param": "",
                    "type": "InternalServerError",
                }
            },
        ),
        ("attribution", {"code": 503, "message": "系统繁忙，请稍后重试"}),
        ("conversion", {"code": 503, "message": "系统繁忙，请稍后重试"}),
    ],
)
def test_status_is_worded_by_the_vendor(sandbox: SandboxClient, on: str, error: dict[str, Any]) -> None:
    sandbox.fault(on, "status", status=503)

    response = send(sandbox, on)

    assert (response.status_code, response.json()) == (503, error)


def test_status_has_its_own_words(sandbox: SandboxClient) -> None:
    sandbox.fault("chat", "status", status=403, code="AccountOverdueError", message="Pay", headers={"X-Why": "money"})

    response = send(sandbox, "chat")

    error = {"code": "AccountOverdueError", "message": "Pay", "param": "", "type": "Forbidden"}
    assert (response.status_code, response.json()) == (403, {"error": error})
    assert response.headers["x-why"] == "money"


def test_status_has_its_own_body(sandbox: SandboxClient) -> None:
    sandbox.fault("conversion", "status", status=502, body="坏了")

    response = send(sandbox, "conversion")

    assert (response.status_code, response.content) == (502, "坏了".encode())


@pytest.mark.parametrize("on", TARGETS)
def test_retry_after_says_when(sandbox: SandboxClient, on: str) -> None:
    sandbox.fault(on, "retry_after", seconds=7)

    response = send(sandbox, on)

    assert (response.status_code, response.headers["retry-after"]) == (429, "7")


@pytest.mark.parametrize(
    ("on", "error"),
    [
        ("chat", {"error": {"code": 40, "message": "no", "param": "", "type": "InternalServerError"}}),
        ("attribution", {"code": 40, "message": "no"}),
        ("conversion", {"code": 40, "message": "no"}),
    ],
)
def test_error_comes_in_a_200(sandbox: SandboxClient, on: str, error: dict[str, Any]) -> None:
    sandbox.fault(on, "error_in_200", code=40, message="no")

    response = send(sandbox, on)

    assert (response.status_code, response.headers["content-type"]) == (200, "application/json")
    assert response.json() == error


def test_chat_is_refused_in_a_providers_own_words(sandbox: SandboxClient) -> None:
    sandbox.fault("chat", "refusal", vendor="zhipu", about="rate", times=1)
    sandbox.fault("chat", "refusal", vendor="minimax")

    rate, money = (send(sandbox, "chat") for _ in range(2))

    assert (rate.status_code, rate.json()["error"]["code"]) == (429, "1302")
    assert (money.status_code, money.json()["base_resp"]["status_code"]) == (200, 1008)


def test_provider_without_words_for_it_can_not_refuse(sandbox: SandboxClient) -> None:
    fault = {"on": "chat", "kind": "refusal", "vendor": "fastapi", "about": "money"}

    response = sandbox.post("/_faults", fault)

    assert (response.status_code, "fastapi has no words about money" in response.text) == (400, True)


def test_answer_ends_for_another_reason(sandbox: SandboxClient) -> None:
    sandbox.fault("chat", "finish", reason="network_error", after_chunks=2)

    streamed = payloads(send(sandbox, "chat").content)
    whole = sandbox.chat(stream=False)

    assert [each["choices"][0].get("finish_reason") for each in streamed if each] == [None, None, "network_error"]
    whole_body = json.loads(read(whole)[0])
    assert whole_body["choices"][0]["finish_reason"] == "network_error"


@pytest.mark.parametrize("on", TARGETS)
def test_garbage_is_a_page_in_a_200(sandbox: SandboxClient, on: str) -> None:
    sandbox.fault(on, "garbage")

    response = send(sandbox, on)

    assert (response.status_code, response.headers["content-type"]) == (200, "text/html")
    assert response.content == HTML


@pytest.mark.parametrize("on", TARGETS)
def test_redirect_leads_elsewhere(sandbox: SandboxClient, on: str) -> None:
    sandbox.fault(on, "redirect", location="https://example.com/", status=307)

    response = send(sandbox, on)

    assert (response.status_code, response.headers["location"]) == (307, "https://example.com/")


def test_what_a_fault_answers_was_not_processed(sandbox: SandboxClient) -> None:
    for on in ("attribution", "conversion"):
        sandbox.fault(on, "status", status=500)
        send(sandbox, on)

    ledger = sandbox.ledger()
    assert (ledger["conversions"], ledger["lookups"]) == ([], [])
    assert [(each["on"], each["reason"]) for each in ledger["refused"]] == [
        ("attribution", "status"),
        ("conversion", "status"),
    ]
    assert json.loads(ledger["refused"][1]["body"]) == report()


@pytest.mark.parametrize("on", TARGETS)
@pytest.mark.parametrize("kind", ["reset_before", "reset_after"])
def test_reset_breaks_the_connection_without_an_answer(sandbox: SandboxClient, on: str, kind: str) -> None:
    sandbox.fault(on, kind)

    with sandbox.connect(*REQUESTS[on]) as connection, pytest.raises(ConnectionResetError):
        connection.recv(1)


@pytest.mark.parametrize(
    ("on", "kind", "counts"),
    [
        ("conversion", "reset_before", [0, 0, 1]),
        ("conversion", "reset_after", [1, 0, 0]),
        ("attribution", "reset_before", [0, 0, 1]),
        ("attribution", "reset_after", [0, 1, 0]),
        ("conversion", "hang", [0, 0, 1]),
        ("conversion", "hang_after", [1, 0, 0]),
        ("attribution", "hang", [0, 0, 1]),
        ("attribution", "hang_after", [0, 1, 0]),
    ],
)
def test_request_takes_effect_only_before_an_after(
    sandbox: SandboxClient, on: str, kind: str, counts: list[int]
) -> None:
    sandbox.fault(on, kind)

    with sandbox.connect(*REQUESTS[on]):
        ledger = sandbox.eventually(lambda ledger: any(ledger["totals"].values()))

    assert processed(ledger) == counts


@pytest.mark.parametrize("on", TARGETS)
@pytest.mark.parametrize("kind", ["hang", "hang_after"])
def test_hang_never_answers(sandbox: SandboxClient, on: str, kind: str) -> None:
    sandbox.fault(on, kind)

    with sandbox.connect(*REQUESTS[on]) as connection:
        connection.settimeout(0.2)
        with pytest.raises(TimeoutError):
            connection.recv(1)


def test_hung_chat_notices_that_its_client_left(sandbox: SandboxClient) -> None:
    sandbox.fault("chat", "hang")

    with sandbox.connect(*REQUESTS["chat"]):
        sandbox.eventually(lambda ledger: bool(ledger["chats"]))

    (chat,) = sandbox.eventually(lambda ledger: ledger["chats"][0]["ended_at"])["chats"]
    assert (chat["fault"], chat["disconnected"], chat["completed"]) == ("hang", True, False)


# Bent answers of both vendors.


@pytest.mark.parametrize("on", ["attribution", "conversion"])
def test_slow_answer_comes_late(sandbox: SandboxClient, on: str) -> None:
    sandbox.fault(on, "slow", delay_s=0.2)

    response = send(sandbox, on)

    assert response.elapsed.total_seconds() > 0.2
    assert response.json()["code"] == 0


def test_slow_chat_waits_before_every_chunk(sandbox: SandboxClient) -> None:
    sandbox.fault("chat", "slow", delay_s=0.05)

    started_s = time.monotonic()
    stream, ended = read(sandbox.chat(stream=True, max_tokens=3))

    assert ended
    assert len(payloads(stream)) == 5
    assert time.monotonic() - started_s > 5 * 0.05


@pytest.mark.parametrize("on", ["attribution", "conversion"])
def test_huge_answer_has_a_long_message(sandbox: SandboxClient, on: str) -> None:
    sandbox.fault(on, "huge", bytes=3_000_000)

    answer = send(sandbox, on).json()

    assert (answer["code"], answer["message"]) == (0, "x" * 3_000_000)


@pytest.mark.parametrize("stream", [True, False])
def test_huge_chat_begins_with_a_long_piece(sandbox: SandboxClient, stream: bool) -> None:
    text = text_of(whole_stream(sandbox))
    sandbox.fault("chat", "huge", bytes=3_000_000)

    response = sandbox.chat(stream=stream)

    content = text_of(payloads(response.content)) if stream else response.json()["choices"][0]["message"]["content"]
    assert content == "x" * 3_000_000 + text


@pytest.mark.parametrize("on", TARGETS)
def test_empty_answer_ends_cleanly(sandbox: SandboxClient, on: str) -> None:
    sandbox.fault(on, "empty")

    response = send(sandbox, on)

    assert (response.status_code, response.content) == (200, b"")


# Bent streams.


def test_slow_first_token_comes_after_the_headers(sandbox: SandboxClient) -> None:
    sandbox.fault("chat", "slow_first_token", delay_s=60)

    with sandbox.connect(*REQUESTS["chat"]) as connection:
        connection.settimeout(0.5)
        received = drain(connection)

    assert received.startswith(b"HTTP/1.1 200 OK\r\n")
    assert received.endswith(b"\r\n\r\n")


def test_slow_first_token_delays_the_same_answer(sandbox: SandboxClient) -> None:
    whole = whole_stream(sandbox)

    started_s = time.monotonic()
    stream, ended = faulty_stream(sandbox, "slow_first_token", delay_s=0.3)

    assert time.monotonic() - started_s > 0.3
    assert ended
    assert text_of(payloads(stream)) == text_of(whole)


def test_stall_is_silent_in_mid_stream_and_goes_on(sandbox: SandboxClient) -> None:
    whole = whole_stream(sandbox)

    started_s = time.monotonic()
    stream, ended = faulty_stream(sandbox, "stall", after_chunks=2, delay_s=0.3)

    assert time.monotonic() - started_s > 0.3
    assert ended
    assert text_of(payloads(stream)) == text_of(whole)


def test_stall_without_an_end_waits_for_the_client(sandbox: SandboxClient) -> None:
    sandbox.fault("chat", "stall", after_chunks=2)

    with sandbox.connect(*REQUESTS["chat"]) as connection:
        connection.settimeout(0.3)
        received = drain(connection)

    (chat,) = sandbox.eventually(lambda ledger: ledger["chats"][0]["ended_at"])["chats"]
    assert received.count(b"data: ") == 2
    assert (chat["chunks_sent"], chat["disconnected"]) == (2, True)


def drain(connection: socket.socket) -> bytes:
    """Everything received until the connection falls silent."""
    received = b""
    try:
        while part := connection.recv(65536):
            received += part
    except TimeoutError:
        return received
    raise AssertionError(f"closed after {received!r}")


def test_cut_ends_between_chunks_and_not_as_http_wants(sandbox: SandboxClient) -> None:
    whole = whole_stream(sandbox)

    stream, ended = faulty_stream(sandbox, "cut", after_chunks=4)

    assert not ended
    assert stream.endswith(b"}\n\n")
    assert text_of(payloads(stream)) == text_of(whole[:4])


def test_cut_in_mid_chunk_leaves_half_a_payload(sandbox: SandboxClient) -> None:
    stream, ended = faulty_stream(sandbox, "cut", after_chunks=4, mid_chunk=True)

    *complete, half = stream.split(b"\n\n")
    assert not ended
    assert len(complete) == 4
    assert half.startswith(b'data: {"choices":')
    with pytest.raises(json.JSONDecodeError):
        json.loads(half.removeprefix(b"data: "))


def test_cut_past_the_end_withholds_done(sandbox: SandboxClient) -> None:
    stream, ended = faulty_stream(sandbox, "cut", after_chunks=10_000)

    assert not ended
    assert payloads(stream)[-1]["choices"][0]["finish_reason"] == "stop"


def test_cut_plain_answer_is_half_a_body(sandbox: SandboxClient) -> None:
    sandbox.fault("chat", "cut", mid_chunk=True)

    body, ended = read(sandbox.chat())

    assert (ended, body[:11]) == (False, b'{"choices":')
    (chat,) = sandbox.eventually(lambda ledger: ledger["chats"][0]["ended_at"])["chats"]
    assert (chat["completed"], chat["disconnected"]) == (False, False)


def test_half_character_ends_inside_it(sandbox: SandboxClient) -> None:
    stream, ended = faulty_stream(sandbox, "half_character", after_chunks=2)

    assert not ended
    assert stream.endswith("河".encode()[:2])
    assert len(payloads(stream)) == 2
    with pytest.raises(UnicodeDecodeError):
        stream.decode()


def test_no_done_ends_cleanly_after_its_finish_reason(sandbox: SandboxClient) -> None:
    stream, ended = faulty_stream(sandbox, "no_done")

    events = payloads(stream)
    assert ended
    assert None not in events
    assert events[-1]["choices"][0]["finish_reason"] == "stop"


@pytest.mark.parametrize(("event", "beginning"), [(False, b"data: "), (True, b"event: error\ndata: ")])
def test_error_frame_is_the_last(sandbox: SandboxClient, event: bool, beginning: bytes) -> None:
    stream, ended = faulty_stream(
        sandbox, "error_frame", after_chunks=2, code="ServerOverloaded", message="late", event=event
    )

    *before, last = stream.removesuffix(b"\n\n").split(b"\n\n")
    assert ended
    assert len(before) == 2
    assert last.startswith(beginning)
    assert json.loads(last.removeprefix(beginning)) == {
        "error": {"code": "ServerOverloaded", "message": "late", "param": "", "type": "InternalServerError"}
    }


@pytest.mark.parametrize("path", [CHAT, "/v1/chat/completions"])
def test_error_in_chunk_stands_beside_choices(sandbox: SandboxClient, path: str) -> None:
    sandbox.fault("chat", "error_in_chunk", after_chunks=2)

    stream, ended = read(sandbox.chat(path=path, stream=True))

    events = payloads(stream)
    assert ended
    assert len(events) == 3
    assert events[-1]["choices"][0]["finish_reason"] == "error"
    assert events[-1]["error"]["code"] == "ServerOverloaded"


def test_gzip_is_flushed_chunk_by_chunk(sandbox: SandboxClient) -> None:
    text = text_of(whole_stream(sandbox))
    sandbox.fault("chat", "gzip")

    response = sandbox.chat(stream=True)
    parts = list(response.raw.stream(decode_content=False))

    assert response.headers["content-encoding"] == "gzip"
    assert len(parts) > 10
    assert text_of(payloads(gzip.decompress(b"".join(parts)))) == text


def test_bytewise_is_one_byte_a_write(sandbox: SandboxClient) -> None:
    text = text_of(whole_stream(sandbox))
    sandbox.fault("chat", "bytewise")

    parts = list(sandbox.chat(stream=True).raw.stream())

    assert {len(part) for part in parts} == {1}
    assert text_of(payloads(b"".join(parts))) == text


def test_crlf_ends_every_line(sandbox: SandboxClient) -> None:
    text = text_of(whole_stream(sandbox))

    stream, ended = faulty_stream(sandbox, "crlf")

    assert ended
    assert stream.count(b"\r\n\r\n") * 2 == stream.count(b"\n")
    assert text_of(payloads(stream.replace(b"\r\n", b"\n"))) == text


def test_keepalives_stand_between_chunks(sandbox: SandboxClient) -> None:
    text = text_of(whole_stream(sandbox))

    stream, ended = faulty_stream(sandbox, "keepalives")

    keepalive = b": keep-alive\n\ndata:\n\n"
    assert ended
    assert stream.count(keepalive) == stream.count(b"data: ")
    assert text_of(payloads(stream.replace(keepalive, b""))) == text


# The book.


def test_fault_of_a_stream_waits_for_one(sandbox: SandboxClient) -> None:
    sandbox.fault("chat", "no_done", times=1)

    plain = sandbox.chat().json()["object"]
    stream, _ = read(sandbox.chat(stream=True))

    assert (plain, b"[DONE]" in stream) == ("chat.completion", False)


def test_times_count_down_to_none(sandbox: SandboxClient) -> None:
    fault_id = sandbox.fault("conversion", "status", status=500, times=2)

    statuses = []
    left = []
    for _ in range(3):
        statuses.append(send(sandbox, "conversion").status_code)
        left.append([(fault["id"], fault["times"]) for fault in faults(sandbox)])

    assert statuses == [500, 500, 200]
    assert left == [[(fault_id, 1)], [], []]


def test_first_suiting_fault_wins(sandbox: SandboxClient) -> None:
    sandbox.fault("conversion", "status", status=501, match={"event_type": "active"})
    sandbox.fault("conversion", "status", status=502, times=1)
    sandbox.fault("conversion", "status", status=503)

    statuses = [send(sandbox, "conversion").status_code for _ in range(2)]

    assert statuses == [502, 503]


@pytest.mark.parametrize(
    ("on", "match", "suits"),
    [
        ("chat", {"model": "doubao"}, True),
        ("chat", {"model": "doubao-pro"}, False),
        ("conversion", {"advertiser_id": ADVERTISER_ID}, True),
        ("conversion", {"advertiser_id": str(ADVERTISER_ID)}, True),
        ("conversion", {"advertiser_id": ADVERTISER_ID + 1}, False),
        ("conversion", {"event_type": "active_pay", "outer_event_id": "A-1"}, True),
        ("conversion", {"event_type": "active_pay", "outer_event_id": "A-2"}, False),
        ("conversion", {"device_id": "device"}, True),
        ("attribution", {"device_id": "device"}, True),
        ("attribution", {"device_id": "other"}, False),
        ("attribution", {"event_type": "active_pay"}, False),
    ],
)
def test_match_compares_with_the_request(sandbox: SandboxClient, on: str, match: dict[str, Any], suits: bool) -> None:
    sandbox.fault(on, "status", status=500, match=match)

    response = send(sandbox, on)

    assert (response.status_code == 500) is suits


def test_match_finds_a_device_by_its_advertiser(sandbox: SandboxClient) -> None:
    sandbox.post("/_devices", {"device_id": "device", "advertiser_id": 42})
    sandbox.fault("attribution", "status", status=500, match={"advertiser_id": 42})

    statuses = [sandbox.post(ATTRIBUTION, query(device)).status_code for device in ("device", "organic-1")]

    assert statuses == [500, 200]


def test_list_shows_what_was_asked_for(sandbox: SandboxClient) -> None:
    first = sandbox.fault("chat", "stall", after_chunks=1, times=3, match={"model": "doubao"})
    second = sandbox.fault("conversion", "retry_after")

    assert faults(sandbox) == [
        {
            "id": first,
            "kind": "stall",
            "on": "chat",
            "times": 3,
            "match": {"model": "doubao"},
            "after_chunks": 1,
            "delay_s": None,
        },
        {
            "id": second,
            "kind": "retry_after",
            "on": "conversion",
            "times": None,
            "match": {},
            "seconds": 1,
            "code": None,
            "message": None,
        },
    ]


def test_fault_is_taken_back_by_its_id(sandbox: SandboxClient) -> None:
    first, second = sandbox.fault("chat", "hang"), sandbox.fault("chat", "garbage")

    response = requests.delete(f"{sandbox.url}/_faults/{first}", timeout=5)

    assert response.status_code == 204
    assert [fault["id"] for fault in faults(sandbox)] == [second]


def test_all_faults_are_taken_back(sandbox: SandboxClient) -> None:
    sandbox.fault("chat", "hang")

    requests.delete(f"{sandbox.url}/_faults", timeout=5)

    assert faults(sandbox) == []


@pytest.mark.parametrize(
    ("order", "error"),
    [
        ({"on": "chat", "kind": "explode"}, "Invalid value 'explode' - at `$.kind`"),
        ({"on": "tea", "kind": "hang"}, "Invalid enum value 'tea' - at `$.on`"),
        ({"kind": "hang"}, "Object missing required field `on`"),
        ({"on": "chat"}, "Object missing required field `kind`"),
        ({"on": "chat", "kind": "hang", "delay_s": 1}, "Object contains unknown field `delay_s`"),
        ({"on": "chat", "kind": "slow"}, "Object missing required field `delay_s`"),
        ({"on": "chat", "kind": "slow", "delay_s": -1}, "Expected `float` >= 0.0 - at `$.delay_s`"),
        ({"on": "chat", "kind": "hang", "times": 0}, "Expected `int` >= 1 - at `$.times`"),
        ({"on": "chat", "kind": "hang", "match": {"modle": "x"}}, "Invalid enum value 'modle' - at `key` in `$.match`"),
        (
            {"on": "conversion", "kind": "gzip"},
            "'gzip' does not exist on 'conversion', only on chat",
        ),
    ],
)
def test_unknown_fault_is_refused_with_its_name(sandbox: SandboxClient, order: dict[str, Any], error: str) -> None:
    response = sandbox.post("/_faults", order)

    assert (response.status_code, response.json()) == (400, {"error": error})
    assert faults(sandbox) == []


def faults(sandbox: SandboxClient) -> list[Any]:
    """What `GET /_faults` lists."""
    listed: list[Any] = requests.get(f"{sandbox.url}/_faults", timeout=5).json()
    return listed
