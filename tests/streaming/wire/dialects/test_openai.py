"""OpenAI's protocol and Ark's variant: the request, and what the bytes of an answer mean."""

from typing import Any

import msgspec
import pytest

from streaming.wire.chunks import Usage
from streaming.wire.dialects import ark, openai
from streaming.wire.dialects.dialect import Answer, Ask, Piece
from streaming.wire.dialects.openai import OpenAIDecoder
from streaming.wire.faults import Fault
from streaming.wire.vendors.china import zhipu

ARK, OPENAI = ark.DIALECT, openai.DIALECT
ASK = Ask(base_url="https://x.example/v1", api_key="k", model="m", is_stream=True, fields={}, completion_id="c")


def ask_of(**changes: Any) -> Ask:
    return msgspec.structs.replace(ASK, **changes)


@pytest.mark.parametrize(
    "base_url", ["https://ark.cn-beijing.volces.com/api/v3", "https://ark.cn-beijing.volces.com/api/v3/"]
)
def test_chat_url_follows_the_version(base_url: str) -> None:
    assert ARK.request(ask_of(base_url=base_url)).url == "https://ark.cn-beijing.volces.com/api/v3/chat/completions"


def test_request_body_of_a_stream_asks_for_usage() -> None:
    fields = msgspec.json.decode(
        b'{"model":"public","stream":true,"stream_options":{"include_usage":false,"own":1},"seed":9007199254740993}',
        type=dict[str, msgspec.Raw],
    )

    bodies = {
        name: dialect.request(ask_of(fields=fields, model="upstream", is_stream=True)).body
        for name, dialect in {"ark": ARK, "openai": OPENAI}.items()
    }

    assert bodies == {
        "ark": b'{"model":"upstream","stream":true,'
        b'"stream_options":{"include_usage":true,"own":1,"chunk_include_usage":true},"seed":9007199254740993}',
        "openai": b'{"model":"upstream","stream":true,'
        b'"stream_options":{"include_usage":true,"own":1},"seed":9007199254740993}',
    }


def test_request_body_of_a_whole_answer_asks_for_no_stream_options() -> None:
    fields = msgspec.json.decode(b'{"model":"public","messages":[1.10,{"a":"\\u0041"}]}', type=dict[str, msgspec.Raw])

    body = ARK.request(ask_of(fields=fields, model="upstream", is_stream=False)).body

    assert body == b'{"model":"upstream","messages":[1.10,{"a":"\\u0041"}],"stream":false}'


def test_request_headers_carry_the_key_and_our_id() -> None:
    headers = OPENAI.request(ask_of(api_key="secret", completion_id="id-1")).headers

    assert dict(headers) == {
        b"authorization": b"Bearer secret",
        b"content-type": b"application/json",
        b"accept": b"text/event-stream, application/json",
        b"user-agent": b"rivermouth",
        b"x-client-request-id": b"id-1",
    }


@pytest.mark.parametrize(
    ("body", "is_error"),
    [
        (b'{"error":{"message":"m"}}', True),
        (b'data: {"error":{"message":"m"}}', True),
        (b'data: {"code":1113,"msg":"m"}', True),
        (b'{"error":null,"choices":[]}', False),
        (b"data: [DONE]", False),
        (b"", False),
    ],
)
def test_error_object_is_told_from_the_rest(body: bytes, is_error: bool) -> None:
    assert (OPENAI.error_in(body) is not None) is is_error


# --- Streams ----------------------------------------------------------------------------------------------------------

ROLE = b'data: {"choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}\n\n'
TEXT = b'data: {"choices":[{"index":0,"delta":{"content":"a"}}]}\n\n'
STOP = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
USAGE = b'data: {"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":2}}\n\n'
DONE = b"data: [DONE]\n\n"


def decoder() -> OpenAIDecoder:
    return OPENAI.decoder(max_event_bytes=1000)


def test_whole_stream_is_read() -> None:
    reading = decoder()

    pieces = [piece for read in (ROLE, TEXT, TEXT + STOP, USAGE, DONE, TEXT) for piece in reading.feed(read)]

    assert b"".join([piece.event.block for piece in pieces]) == ROLE + TEXT + TEXT + STOP + USAGE
    assert [piece.has_content for piece in pieces] == [False, True, True, True, False]
    assert (reading.chunks, reading.finish_reason, reading.usage) == (
        5,
        "stop",
        Usage(prompt_tokens=5, completion_tokens=2),
    )
    assert (reading.is_done, reading.has_whole_answer, reading.fault) == (True, True, None)


def test_midway_is_what_feed_is() -> None:
    fed, quick = decoder(), decoder()
    for reading in (fed, quick):
        reading.feed(ROLE + TEXT)

    [piece] = fed.feed(TEXT)
    midway = quick.midway(TEXT)

    assert piece.chunk is not None
    assert midway is not None
    assert piece.chunk.choices == midway.choices
    assert fed.chunks == quick.chunks == 3


@pytest.mark.parametrize(
    "read",
    [
        STOP,
        USAGE,
        DONE,
        TEXT + TEXT,
        b": hb\n\n",
        TEXT[:-1],
        TEXT.replace(b'"index":0', b'"index":1'),
        TEXT.replace(b"data: {", b'data: {"error":{"code":"x"},'),
        b'event: error\ndata: {"code":"x"}\n\n',
        b"data: {\n\n",
    ],
)
def test_read_other_than_a_chunk_in_mid_choice_is_left_to_feed(read: bytes) -> None:
    reading = decoder()
    reading.feed(ROLE + TEXT)

    assert reading.midway(read) is None
    assert reading.chunks == 2


def test_nothing_is_midway_before_the_first_content() -> None:
    reading = decoder()
    reading.feed(ROLE)

    assert reading.midway(TEXT) is None


@pytest.mark.parametrize(
    ("delta", "has_content"),
    [
        (b'{"role":"assistant","content":"","tool_calls":[],"refusal":null}', False),
        (b'{"role":"assistant","content":null,"reasoning_details":[],"audio":{}}', False),
        (b'{"content":[{"type":"text","text":"a"}]}', True),
        (b'{"content":"","images":[{"type":"image_url","image_url":{"url":"data:"}}]}', True),
        (b'{"reasoning_details":[{"type":"reasoning.encrypted","data":"x"}]}', True),
        (b'{"function_call":{"name":"f","arguments":""}}', True),
        (b'{"a member of tomorrow":{"x":1}}', True),
    ],
)
def test_content_is_any_member_that_says_something(delta: bytes, has_content: bool) -> None:
    reading = decoder()

    [piece] = reading.feed(b'data: {"choices":[{"index":0,"delta":%b,"finish_reason":""}]}\n\n' % delta)

    assert (piece.has_content, reading.has_content, reading.has_whole_answer) == (has_content, has_content, False)


def test_end_alone_is_for_the_reader_and_no_content() -> None:
    reading = decoder()

    [piece] = reading.feed(STOP)

    assert (piece.has_content, reading.has_content, reading.has_whole_answer) == (True, False, True)


@pytest.mark.parametrize(
    "read",
    [
        TEXT.replace(b'"index":0,', b'"index":0,"usage":{"prompt_tokens":5,"completion_tokens":2},'),
        TEXT.replace(b'"choices"', b'"x_groq":{"usage":{"prompt_tokens":5,"completion_tokens":2}},"choices"'),
    ],
)
def test_usage_in_an_odd_place_counts(read: bytes) -> None:
    reading = decoder()

    reading.feed(ROLE + TEXT + read + STOP)

    assert reading.usage == Usage(prompt_tokens=5, completion_tokens=2)


def test_usage_of_a_choice_counts_midway() -> None:
    reading = decoder()
    reading.feed(ROLE + TEXT)

    midway = TEXT.replace(b'"index":0,', b'"index":0,"usage":{"prompt_tokens":5,"completion_tokens":2},')

    assert reading.midway(midway) is not None
    assert reading.usage == Usage(prompt_tokens=5, completion_tokens=2)


def test_answer_is_whole_when_every_choice_is() -> None:
    reading = decoder()

    reading.feed(TEXT + TEXT.replace(b'"index":0', b'"index":1') + STOP)
    half = reading.has_whole_answer
    reading.feed(STOP.replace(b'"index":0', b'"index":1'))

    assert (half, reading.has_whole_answer) == (False, True)


def ended(reason: str, **delta: str) -> bytes:
    payload = {"choices": [{"index": 0, "delta": delta, "finish_reason": reason, "own": 1.10}], "id": "i"}
    return b"data: " + msgspec.json.encode(payload) + b"\n\n"


@pytest.mark.parametrize(
    "reason",
    [
        "network_error",
        "insufficient_system_resource",
        "aborted",
        "abort",
        "error",
        "ERROR",
        "internal_error",
        "timeout",
    ],
)
@pytest.mark.parametrize("before", [b"", ROLE, TEXT], ids=["nothing", "role", "text"])
def test_finish_reason_that_means_failure_is_a_fault(before: bytes, reason: str) -> None:
    reading = decoder()

    pieces = reading.feed(before + ended(reason))

    assert b"".join(piece.event.block for piece in pieces) == before
    assert reading.fault is not None
    assert (reading.fault.status, reading.fault.code, reading.fault.detail) == (
        503,
        "upstream_unavailable",
        f"finish_reason {reason}",
    )
    assert reading.finish_reason == reason  # for the record


def test_error_beside_a_failing_finish_says_more() -> None:
    failed = {"index": 0, "delta": {}, "finish_reason": "error", "error": {"code": 402, "message": "no credits"}}
    reading = decoder()

    reading.feed(TEXT + b"data: " + msgspec.json.encode({"choices": [failed]}) + b"\n\n")

    assert reading.fault is not None
    assert (reading.fault.status, reading.fault.detail) == (502, "200 402: no credits")


@pytest.mark.parametrize("reason", ["sensitive", "content_filter", "SAFETY", "refusal"])
@pytest.mark.parametrize("before", [b"", TEXT], ids=["nothing", "text"])
def test_finish_reason_of_refused_content_is_openais(before: bytes, reason: str) -> None:
    reading = decoder()

    pieces = reading.feed(before + ended(reason))

    assert (reading.fault, reading.finish_reason, reading.has_content) == (None, "content_filter", bool(before))
    assert pieces[-1].has_content  # the end of the answer, for whoever waits for it
    assert pieces[-1].event.block == ended("content_filter")


def test_full_context_is_a_length_after_content() -> None:
    reading = decoder()

    pieces = reading.feed(TEXT + ended("model_context_window_exceeded"))

    assert (reading.fault, reading.finish_reason) == (None, "length")
    assert pieces[-1].event.block == ended("length")


def test_full_context_is_a_fault_before_content() -> None:
    reading = decoder()

    assert reading.feed(ended("model_context_window_exceeded")) == []
    assert reading.fault is not None
    assert (reading.fault.status, reading.fault.code) == (400, "context_length_exceeded")


def test_full_context_beside_the_last_words_is_a_length() -> None:
    reading = decoder()

    [piece] = reading.feed(ended("model_context_window_exceeded", content="a"))

    assert piece.event.block == ended("length", content="a")


@pytest.mark.parametrize("reason", ["stop", "length", "tool_calls", "function_call", "eos", "stop_sequence", "novel"])
def test_other_finish_reasons_pass(reason: str) -> None:
    reading = decoder()

    [piece] = reading.feed(ended(reason))

    assert (piece.event.block, reading.finish_reason, reading.fault) == (ended(reason), reason, None)


# (bytes after some content, code of the fault)
FAULTS = {
    "error": (b'data: {"error":{"code":"content_filter"}}\n\n', "content_filter"),
    "named error": (b'event: error\ndata: {"code":"content_filter"}\n\n', "content_filter"),
    "flat error": (b'data: {"code":"content_filter","msg":"m"}\n\n', "content_filter"),
    "list": (b'data: [{"error":{"code":"content_filter"}}]\n\n', "content_filter"),
    "MiniMax": (
        b'data: {"choices":null,"base_resp":{"status_code":1,"status_msg":"sensitive content"}}\n\n',
        "content_filter",
    ),
    "MiniMax beside choices": (
        b'data: {"choices":[{"index":0}],"base_resp":{"status_code":1,"status_msg":"sensitive content"}}\n\n',
        "content_filter",
    ),
    "named error that is not JSON": (b"event: error\ndata: sorry\n\n", "upstream_unavailable"),
}


@pytest.mark.parametrize(("read", "code"), FAULTS.values(), ids=FAULTS)
def test_fault_in_a_stream_comes_after_what_was_before_it(read: bytes, code: str) -> None:
    reading = decoder()

    [piece] = reading.feed(TEXT + read)

    assert piece.event.block == TEXT
    assert reading.fault is not None
    assert reading.fault.code == code


def test_event_that_is_too_large_is_a_fault() -> None:
    reading = decoder()

    pieces = reading.feed(b"data: " + b"x" * 1001)

    assert pieces == []
    assert reading.fault is not None
    assert reading.fault.code == "upstream_too_large"


def test_several_payloads_in_one_event_are_pieces_of_their_own() -> None:
    reading = decoder()

    pieces = reading.feed(TEXT[:-1] + TEXT[:-1] + DONE)

    assert [piece.event.block for piece in pieces] == [TEXT, TEXT]
    assert reading.is_done


def test_event_that_is_not_understood_passes() -> None:
    [piece] = decoder().feed(b"data: ping\n\n")

    assert piece == Piece(piece.event, None, has_content=False)
    assert piece.event.block == b"data: ping\n\n"


@pytest.mark.parametrize(
    ("unfinished", "code"),
    [(b"", "upstream_truncated"), (TEXT[:-9], "upstream_truncated"), (b'{"error":{"code":"hot"}}', "hot")],
)
def test_stream_that_is_cut_is_a_fault(unfinished: bytes, code: str) -> None:
    reading = decoder()
    reading.feed(TEXT + unfinished)

    fault = reading.cut()

    assert fault.code == code if code != "hot" else fault.detail == "200 hot"


# --- Whole answers ----------------------------------------------------------------------------------------------------


def test_whole_answer_passes_as_it_came() -> None:
    body = b'{"choices":[{"message":{"content":"a"},"finish_reason":"stop"}],"usage":{"prompt_tokens":5},"own":1.10}'

    assert OPENAI.answer(body) == Answer(body, "stop", Usage(prompt_tokens=5))


def test_whole_answer_has_its_usage_in_an_odd_place() -> None:
    body = b'{"choices":[{"message":{"content":"a"},"usage":{"prompt_tokens":5,"completion_tokens":2}}]}'

    assert OPENAI.answer(body) == Answer(body, "", Usage(prompt_tokens=5, completion_tokens=2))


def whole(reason: str, content: str | None = "a") -> Answer:
    message = {"role": "assistant", "content": content}
    body = {"choices": [{"message": message, "finish_reason": reason}], "own": 1.10}
    return OPENAI.answer(msgspec.json.encode(body))


@pytest.mark.parametrize("reason", ["network_error", "insufficient_system_resource", "aborted"])
def test_whole_answer_with_a_failing_finish_is_a_fault(reason: str) -> None:
    with pytest.raises(Fault) as failure:
        whole(reason).in_our_words(zhipu.VENDOR)

    assert (failure.value.status, failure.value.detail) == (503, f"finish_reason {reason}")


@pytest.mark.parametrize(
    ("reason", "content", "ours"),
    [
        ("stop", "a", "stop"),
        ("sensitive", "a", "content_filter"),
        ("sensitive", "", "content_filter"),
        ("content_filter", None, "content_filter"),
        ("model_context_window_exceeded", "a", "length"),
    ],
)
def test_whole_answer_has_openais_finish_reason(reason: str, content: str | None, ours: str) -> None:
    answer = whole(reason, content).in_our_words(zhipu.VENDOR)

    assert answer == whole(ours, content)._replace(has_content=bool(content))


def test_whole_answer_without_room_for_a_word_is_a_fault() -> None:
    with pytest.raises(Fault, match="longer than the model's context") as failure:
        whole("model_context_window_exceeded", "").in_our_words(zhipu.VENDOR)

    assert failure.value.code == "context_length_exceeded"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"<html>", "upstream_unreadable"),
        (b'{"choices":[]}', "upstream_unreadable"),
        (b'{"error":{"code":"content_filter"},"choices":[{}]}', "content_filter"),
        (b'{"choices":null,"base_resp":{"status_code":1,"status_msg":"sensitive content"}}', "content_filter"),
        (b'{"code":1113,"msg":"m"}', "upstream_unavailable"),
        (b'{"choices":' + b"[" * 100_000, "upstream_unreadable"),
    ],
)
def test_what_is_no_answer_is_a_fault(body: bytes, code: str) -> None:
    with pytest.raises(Fault) as refusal:
        OPENAI.answer(body)

    assert refusal.value.code == code
