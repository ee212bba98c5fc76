"""Whole answers made of streams, and streams made of whole answers."""

import json
from typing import Any

import pytest

from streaming.wire import assembly
from streaming.wire.chunks import Usage

HEAD = {"id": "c1", "created": 1, "model": "up", "system_fingerprint": None}
CALL = {"id": "t1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}
MESSAGE = {
    "role": "assistant",
    "content": "河口",
    "reasoning_content": "hm",
    "tool_calls": [CALL, {**CALL, "id": "t2"}],
}
USAGE = {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}


def answer(*choices: dict[str, Any], **members: Any) -> dict[str, Any]:
    return {**HEAD, "object": "chat.completion", "choices": list(choices), **members}


def chunks_of(whole: dict[str, Any], *, finish_reason: str = "") -> list[Any]:
    return [json.loads(each) for each in assembly.chunks_of(json.dumps(whole).encode(), finish_reason=finish_reason)]


def whole_of(*chunks: dict[str, Any], usage: Usage | None = None) -> Any:
    return json.loads(assembly.whole([json.dumps(each).encode() for each in chunks], usage))


def delta(index: int = 0, finish_reason: str | None = None, **members: Any) -> dict[str, Any]:
    return {**HEAD, "choices": [{"index": index, "delta": members, "finish_reason": finish_reason}]}


def test_stream_of_a_whole_answer() -> None:
    whole = answer({"index": 0, "message": MESSAGE, "finish_reason": "tool_calls", "logprobs": None}, usage=USAGE)

    said, end, usage = chunks_of(whole)

    head = {**HEAD, "object": "chat.completion.chunk"}
    calls = [{"index": 0, **CALL}, {"index": 1, **CALL, "id": "t2"}]
    choice = {"index": 0, "delta": {**MESSAGE, "tool_calls": calls}, "logprobs": None, "finish_reason": None}
    assert said == {**head, "choices": [choice]}
    assert end == {**head, "choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]}
    assert usage == {**head, "choices": [], "usage": USAGE}


def test_stream_of_several_choices_ends_each() -> None:
    choices = [{"index": n, "message": {"content": str(n)}, "finish_reason": "stop"} for n in range(2)]

    made = [each["choices"][0] for each in chunks_of(answer(*choices))]

    assert [(each["index"], each["delta"].get("content"), each["finish_reason"]) for each in made] == [
        (0, "0", None),
        (0, None, "stop"),
        (1, "1", None),
        (1, None, "stop"),
    ]


@pytest.mark.parametrize(
    ("choice", "content"),
    [({"text": "hi"}, "hi"), ({"delta": {"content": "hi"}}, "hi"), ({"message": None}, None), ({}, None)],
)
def test_stream_of_other_shapes(choice: dict[str, Any], content: str | None) -> None:
    said, end = chunks_of(answer(choice), finish_reason="stop")

    assert said["choices"][0]["delta"].get("content") == content
    assert end["choices"][0]["finish_reason"] == "stop"


@pytest.mark.parametrize("whole", [{"choices": 7}, {}, {"choices": [{"message": {"tool_calls": 7}}]}])
def test_what_is_no_answer_makes_no_stream(whole: dict[str, Any]) -> None:
    with pytest.raises((ValueError, KeyError)):
        chunks_of(whole)


def test_whole_of_a_stream_is_what_was_said() -> None:
    function = {"index": 0, "id": "t1", "type": "function", "function": {"name": "f", "arguments": ""}}

    whole = whole_of(
        delta(role="assistant", content=""),
        delta(reasoning_content="h"),
        delta(reasoning_content="m", content=None),
        delta(content="河"),
        delta(content="口"),
        delta(tool_calls=[function]),
        delta(tool_calls=[{"index": 0, "id": "t1", "function": {"name": "f", "arguments": '{"a"'}}]),
        delta(tool_calls=[{"index": 0, "function": {"arguments": ":1}"}}, {**function, "index": 1, "id": "t2"}]),
        delta(finish_reason="tool_calls"),
        {**HEAD, "choices": [], "usage": USAGE},
        usage=Usage(prompt_tokens=5, completion_tokens=2, total_tokens=7),
    )

    second = {**CALL, "id": "t2", "function": {"name": "f", "arguments": ""}}
    message = {**MESSAGE, "tool_calls": [{"index": 0, **CALL}, {"index": 1, **second}]}
    assert whole == answer({"index": 0, "message": message, "finish_reason": "tool_calls"}, usage=USAGE)


def test_whole_joins_content_of_any_kind() -> None:
    whole = whole_of(
        delta(content=[{"type": "text", "text": "a"}], reasoning_details=[{"index": 0, "type": "t", "text": "h"}]),
        delta(content=[{"type": "text", "text": "b"}], reasoning_details=[{"index": 0, "type": "t", "text": "m"}]),
        delta(images=[{"type": "image_url"}], audio={"id": "a", "data": "x"}, function_call={"name": "f"}),
        delta(audio={"data": "y"}, function_call={"arguments": "{}"}, refusal="n"),
        delta(refusal="o", finish_reason="stop"),
        delta(index=1, content="other", finish_reason="length"),
    )

    first, second = whole["choices"]
    assert first["message"] == {
        "role": "assistant",
        "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}],
        "reasoning_details": [{"index": 0, "type": "t", "text": "hm"}],
        "images": [{"type": "image_url"}],
        "audio": {"id": "a", "data": "xy"},
        "function_call": {"name": "f", "arguments": "{}"},
        "refusal": "no",
    }
    assert (second["message"]["content"], second["finish_reason"]) == ("other", "length")


def test_whole_takes_no_answer_twice() -> None:
    """MiniMax repeats it at the end."""
    last = {**HEAD, "choices": [{"index": 0, "message": {"content": "hi"}, "finish_reason": "stop"}]}

    assert whole_of(delta(content="hi"), last)["choices"][0]["message"]["content"] == "hi"


def test_whole_has_no_usage_that_nobody_told() -> None:
    assert "usage" not in whole_of({**delta(content="hi", finish_reason="stop"), "usage": None})
