"""What clients ask for: checked where it concerns us, passed on as it came."""

from typing import Any

import msgspec
import pytest

from streaming.wire.faults import Fault
from streaming.wire.profiles import app, openai

HELLO = b'{"model":"m","messages":[{"role":"user","content":"hi"}]}'


def body(**fields: Any) -> bytes:
    return msgspec.json.encode({"model": "m", "messages": [{"role": "user", "content": "hi"}], **fields})


# (body, param that the refusal names)
WRONG = {
    "nothing": (b"", None),
    "not JSON": (b"{", None),
    "JSON and more": (HELLO + b"x", None),
    "not UTF-8": (b'{"model":"\xff"}', None),
    "a list": (b"[]", None),
    "null": (b"null", None),
    "no model": (b'{"messages":[{"role":"user","content":"hi"}]}', "model"),
    "empty model": (body(model=""), "model"),
    "model that is no text": (body(model=3), "model"),
    "no messages": (b'{"model":"m"}', "messages"),
    "messages null": (body(messages=None), "messages"),
    "empty messages": (body(messages=[]), "messages"),
    "messages that are a text": (body(messages="hi"), "messages"),
    "message that is a text": (body(messages=["hi"]), "messages[0]"),
    "message without a role": (body(messages=[{"role": "user"}, {"content": "hi"}]), "messages[1].role"),
    "empty role": (body(messages=[{"role": ""}]), "messages[0].role"),
    "role that is no text": (body(messages=[{"role": 1}]), "messages[0].role"),
    "content that is a number": (body(messages=[{"role": "user", "content": 1}]), "messages[0].content"),
    "content part that is a text": (body(messages=[{"role": "user", "content": ["a"]}]), "messages[0].content[0]"),
    "stream that is a text": (body(stream="true"), "stream"),
    "stream_options that are a flag": (body(stream_options=True), "stream_options"),
    "include_usage that is a text": (body(stream_options={"include_usage": "1"}), "stream_options.include_usage"),
    "temperature that is a text": (body(temperature="hot"), "temperature"),
    "max_tokens of 0": (body(max_tokens=0), "max_tokens"),
    "max_tokens that are a text": (body(max_tokens="9"), "max_tokens"),
    "max_completion_tokens below 0": (body(max_completion_tokens=-1), "max_completion_tokens"),
    "n of 0": (body(n=0), "n"),
    "tools that are an object": (body(tools={}), "tools"),
    "stop that is a number": (body(stop=1), "stop"),
    "user that is a number": (body(user=1), "user"),
    "user with NUL": (body(user="a\0"), "user"),
    "not UTF-8 in a field that passes": (HELLO[:-1] + b',"x":"\xff"}', None),
    "nested too deep": (b'{"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}", None),
}


@pytest.mark.parametrize(("wrong", "param"), WRONG.values(), ids=WRONG)
def test_wrong_body_is_refused_naming_the_parameter(wrong: bytes, param: str | None) -> None:
    with pytest.raises(Fault) as refusal:
        openai.parse(wrong)

    fault = refusal.value
    assert (fault.status, fault.code, fault.param) == (400, "invalid_request", param)
    assert param is None or param in fault.message


def test_unknown_parameters_stay_as_they_came() -> None:
    raw = (
        b'{"model":"m","messages":[{"role":"user","content":"\\u4f60 \xe5\xa5\xbd","own":1.10}],'
        b'"seed":9007199254740993,"logit_bias":{"50256":-100.0},"thinking":{"type":"enabled","budget":1e3},"x":null,"temperature":0.70}'
    )

    ask = openai.parse(raw)

    fields = b",".join(b'"%b":%b' % (name.encode(), bytes(value)) for name, value in ask.fields.items())
    assert b"{" + fields + b"}" == raw


@pytest.mark.parametrize(
    ("fields", "is_stream", "wants_usage", "user_id"),
    [
        ({}, False, False, ""),
        ({"stream": None, "stream_options": None, "user": None}, False, False, ""),
        ({"stream": True}, True, False, ""),
        ({"stream": True, "stream_options": {"include_usage": False}}, True, False, ""),
        ({"stream": True, "stream_options": {"include_usage": True}, "user": "u1"}, True, True, "u1"),
    ],
)
def test_openai_request(fields: dict[str, Any], is_stream: bool, wants_usage: bool, user_id: str) -> None:
    ask = openai.parse(body(**fields))

    assert (ask.model, ask.is_stream, ask.wants_usage, ask.user_id) == ("m", is_stream, wants_usage, user_id)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"n": 2}, "n"),
        ({"stream": "yes"}, "stream"),
        ({"stream_options": []}, "stream_options"),
        ({"conversation": "12345678-1234-4234-8234-123456789012"}, "messages"),
    ],
)
def test_app_request_is_refused_naming_the_parameter(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(Fault) as refusal:
        app.parse(body(**fields))

    assert (refusal.value.status, refusal.value.param) == (400, param)


def test_null_is_what_clients_send_for_not_given() -> None:
    ask = app.parse(body(conversation=None, message=None, n=None))

    assert ask.conversation is None
    assert set(ask.fields) == {"model", "messages", "n"}


def test_app_request_is_always_streamed_with_usage() -> None:
    raw = b'{"messages":[{"role":"user"}],"stream":false,"stream_options":{"include_usage":false},"top_k":5}'

    ask = app.parse(raw)

    assert (ask.model, ask.is_stream, ask.wants_usage) == (None, True, True)
    assert {name: bytes(value) for name, value in ask.fields.items()} == {
        "messages": b'[{"role":"user"}]',
        "stream": b"false",
        "top_k": b"5",
    }
