import json
from typing import Any

import pytest

from sandbox.vendors.answers import Answer, StreamOptions, ToolCall
from sandbox.vendors.chunks import ArkChunks, OpenAIChunks, ark_id

USAGE = {
    "completion_tokens": 3,
    "prompt_tokens": 7,
    "total_tokens": 10,
    "prompt_tokens_details": {"cached_tokens": 2},
    "completion_tokens_details": {"reasoning_tokens": 1},
}


def answer(**changes: Any) -> Answer:
    fields: dict[str, Any] = {
        "reasoning": ["想"],
        "content": ["江", "河"],
        "tool_call": None,
        "finish_reason": "stop",
        "prompt_tokens": 7,
        "cached_tokens": 2,
    }
    return Answer(**{**fields, **changes})


def events(frames: list[bytes]) -> list[Any]:
    """The frames, without the members that are equal in all of them."""
    assert frames[-1] == b"data: [DONE]\n\n"
    chunks = [json.loads(frame.removeprefix(b"data: ").removesuffix(b"\n\n")) for frame in frames[:-1]]
    for chunk in chunks:
        del chunk["created"]
        head = (chunk.pop("id"), chunk.pop("model"), chunk.pop("object"), chunk.pop("service_tier"))
        assert head == ("id", "doubao", "chat.completion.chunk", "default")
    return chunks


def ark(**options: bool) -> ArkChunks:
    return ArkChunks(completion_id="id", model="doubao", options=StreamOptions(**options))


def openai(**options: bool) -> OpenAIChunks:
    return OpenAIChunks(completion_id="id", model="doubao", options=StreamOptions(**options))


def test_ark_stream_has_role_everywhere_and_finish_reason_once() -> None:
    chunks = events(ark().frames(answer()))

    assert [chunk["choices"][0] for chunk in chunks] == [
        {"delta": {"content": "", "reasoning_content": "想", "role": "assistant"}, "index": 0},
        {"delta": {"content": "江", "role": "assistant"}, "index": 0},
        {"delta": {"content": "河", "role": "assistant"}, "index": 0},
        {"delta": {"content": "", "role": "assistant"}, "index": 0, "finish_reason": "stop"},
    ]
    assert [chunk["usage"] for chunk in chunks] == [None] * 4


def test_ark_stream_ends_with_usage_when_asked() -> None:
    chunks = events(ark(include_usage=True).frames(answer()))

    assert [chunk["usage"] for chunk in chunks[:-1]] == [None] * 4
    assert chunks[-1] == {"choices": [], "usage": USAGE}


def test_ark_chunk_usage_is_cumulative() -> None:
    chunks = events(ark(chunk_include_usage=True).frames(answer()))

    counts = [(chunk["usage"]["completion_tokens"], chunk["usage"]["total_tokens"]) for chunk in chunks]
    assert counts == [(1, 8), (2, 9), (3, 10), (3, 10)]
    assert chunks[-1]["usage"] == USAGE


@pytest.mark.parametrize(("include_usage", "usages"), [(False, []), (True, [None] * 5 + [USAGE])])
def test_openai_stream_has_usage_only_when_asked(include_usage: bool, usages: list[Any]) -> None:
    chunks = events(openai(include_usage=include_usage).frames(answer()))

    assert [chunk["usage"] for chunk in chunks if "usage" in chunk] == usages


def test_openai_stream_has_role_once_and_finish_reason_everywhere() -> None:
    chunks = events(openai().frames(answer()))

    choices = [chunk["choices"][0] for chunk in chunks]
    assert [choice["delta"] for choice in choices] == [
        {"role": "assistant", "content": "", "refusal": None},
        {"content": "", "reasoning_content": "想"},
        {"content": "江"},
        {"content": "河"},
        {},
    ]
    assert [choice["finish_reason"] for choice in choices] == [None, None, None, None, "stop"]


def test_tool_call_is_opened_and_then_filled() -> None:
    call = ToolCall(id="call_1", name="get_weather", arguments=["{", "}"])

    chunks = events(ark().frames(answer(reasoning=[], content=[], tool_call=call, finish_reason="tool_calls")))

    assert [chunk["choices"][0]["delta"].get("tool_calls") for chunk in chunks] == [
        [{"function": {"name": "get_weather", "arguments": ""}, "id": "call_1", "index": 0, "type": "function"}],
        [{"function": {"arguments": "{"}, "index": 0}],
        [{"function": {"arguments": "}"}, "index": 0}],
        None,
    ]


def test_completion_joins_what_a_stream_splits() -> None:
    call = ToolCall(id="call_1", name="get_weather", arguments=["{", "}"])

    completion = json.loads(ark().completion(answer(reasoning=["想", "想"], tool_call=call)))

    assert completion["object"] == "chat.completion"
    assert completion["choices"][0]["message"] == {
        "content": "江河",
        "role": "assistant",
        "reasoning_content": "想想",
        "tool_calls": [
            {"function": {"name": "get_weather", "arguments": "{}"}, "id": "call_1", "index": 0, "type": "function"}
        ],
    }
    assert completion["usage"]["completion_tokens"] == 6


def test_ark_ids_look_like_the_vendors() -> None:
    assert len(ark_id()) == 41
    assert ark_id().startswith("021")
    assert ark_id() != ark_id()
