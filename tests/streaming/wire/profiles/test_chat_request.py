"""Clients' requests: checked where they concern us, otherwise passed on unchanged."""

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
    "stream that is a text": (body(stream="true"), "stream"),
    "stream_options that are a flag": (body(stream_options=True), "stream_options"),
    "include_usage that is a text": (body(stream_options={"include_usage": "1"}), "stream_options.include_usage"),
    "stream that is a number": (body(stream=1), "stream"),
    "user that is an object": (body(user={"id": 1}), "user"),
    "user with NUL": (body(user="a\0"), "user"),
    "half an emoji": (HELLO.replace(b"hi", rb"hi \ud83d"), "messages[0].content"),
    "half an emoji in a part": (
        HELLO.replace(b'"hi"', rb'[{"type":"text","text":"\ude00"}]'),
        "messages[0].content[0].text",
    ),
    "half an emoji in bytes": (HELLO.replace(b"hi", b"\xed\xa0\xbd"), "messages[0].content"),
    "half an emoji that passes": (
        HELLO[:-1] + rb',"tools":[{"function":{"name":"\uD83D"}}]}',
        "tools[0].function.name",
    ),
    "half an emoji in a name": (HELLO[:-1] + rb',"a\ud83d":1}', "a\ufffd"),
    "half an emoji in the model": (HELLO.replace(b'"m"', rb'"\ud83d"'), "model"),
    "NaN": (HELLO[:-1] + b',"temperature":NaN}', None),
    "Infinity": (HELLO[:-1] + b',"temperature":-Infinity}', None),
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


# Values that a provider may accept, or refuse in its own words.
PASSED = [
    b'"max_tokens":-1', b'"max_tokens":0', b'"max_tokens":4096.0', b'"max_tokens":"4096"',
    b'"max_completion_tokens":-1', b'"temperature":"0.7"', b'"temperature":1e999', b'"top_p":[0.5]',
    b'"presence_penalty":9', b'"n":0', b'"n":1.0', b'"seed":123456789012345678901234567890', b'"tools":{}',
    b'"tools":["web_search"]', b'"tool_choice":5', b'"stop":1', b'"stop":{}', b'"response_format":"json"',
    b'"messages":[{"role":"user","content":{"text":"hi"}}]', b'"messages":[{"role":"user","content":1}]',
    b'"messages":[{"role":"user","content":["hi"]}]',
    b'"messages":[{"role":"wizard","content":"\\ud83d\\ude00","tool_calls":"x"}]', b'"stream_options":{"x":1}',
]  # fmt: skip


OF_APPS = [member for member in PASSED if not member.startswith((b'"n":0', b'"stream_options"'))]  # one answer, usage


@pytest.mark.parametrize(
    ("client_format", "member"), [*((openai, member) for member in PASSED), *((app, member) for member in OF_APPS)]
)
def test_other_values_are_the_providers_business(client_format: Any, member: bytes) -> None:
    name, _colon, value = member.partition(b":")

    ask = client_format.parse(HELLO[:-1] + b"," + member + b"}")

    assert bytes(ask.fields[name.strip(b'"').decode()]) == value


def test_last_of_fields_with_one_name_counts_and_is_passed_on() -> None:
    ask = openai.parse(HELLO[:-1] + b',"model":"n","stream":true,"stream":false}')

    assert (ask.model, ask.is_stream) == ("n", False)
    assert (bytes(ask.fields["model"]), bytes(ask.fields["stream"])) == (b'"n"', b"false")


@pytest.mark.parametrize(("user", "user_id"), [(None, ""), ("u1", "u1"), (42, "42"), (-(2**63), str(-(2**63)))])
def test_user_may_be_a_number(user: object, user_id: str) -> None:
    assert openai.parse(body(user=user)).user_id == user_id


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
