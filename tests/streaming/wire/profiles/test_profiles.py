"""How a provider's events appear to clients of both profiles."""

from collections.abc import Callable
from uuid import UUID

import pytest

from streaming.wire import chunks, faults
from streaming.wire.profiles.app import AppProfile
from streaming.wire.profiles.openai import OpenAIProfile
from streaming.wire.sse import Event, Parser

ID = UUID("00000000-0000-4000-8000-000000000001")
USAGE = chunks.Usage(prompt_tokens=5, completion_tokens=2, total_tokens=7)


def event_of(block: bytes) -> Event:
    [event] = Parser().feed(block)
    return event


def chunk_of(block: bytes) -> tuple[Event, chunks.Chunk]:
    event = event_of(block)
    return event, chunks.decode(event.data)


TEXT = b'data: {"choices":[{"index":0,"delta":{"content":"\xe6\xb2\xb3"}}],"own":1.10}\n\n'
# (block of the provider, what passes)
BLOCKS = {
    "unchanged": (TEXT, TEXT),
    "no space after the colon": (b'data:{"choices":[]}\n\n', b'data:{"choices":[]}\n\n'),
    "without id and event": (b'id: 7\nevent: chunk\nretry: 3\ndata: {"choices":[]}\n\n', b'data: {"choices":[]}\n\n'),
    "of two lines": (b'data: {"choices":\ndata: []}\n\n', b'data: {"choices":\ndata: []}\n\n'),
    "without an id of one letter": (b'data:{"choices":[]}\nid\n\n', b'data: {"choices":[]}\n\n'),
}


@pytest.mark.parametrize(("block", "passed_on"), BLOCKS.values(), ids=BLOCKS)
def test_openai_chunk_passes(block: bytes, passed_on: bytes) -> None:
    event, chunk = chunk_of(block)

    assert OpenAIProfile(wants_usage=False).chunk(event, chunk) == passed_on


def test_openai_event_that_is_not_a_chunk_passes() -> None:
    assert OpenAIProfile(wants_usage=False).chunk(event_of(b"data: ping\n\n"), None) == b"data: ping\n\n"


def test_openai_frame_of_a_stream() -> None:
    profile = OpenAIProfile(wants_usage=False)

    assert profile.start(completion_id=ID, model="m") == b""
    assert profile.done(finish_reason="stop", usage=USAGE) == b"data: [DONE]\n\n"
    assert profile.heartbeat == b": hb\n"


def test_openai_error_comes_without_done() -> None:
    written = OpenAIProfile(wants_usage=False).error(faults.truncated("secret detail"))

    assert written == (
        b'data: {"error":{"message":"The provider\'s answer broke off.","type":"server_error",'
        b'"code":"upstream_truncated","param":null}}\n\n'
    )


def test_app_events_of_a_whole_answer() -> None:
    profile = AppProfile(keeps_text=False)
    blocks = [
        b'data: {"choices":[{"delta":{"role":"assistant","content":""}}]}\n\n',
        b'data: {"choices":[{"delta":{"content":"","reasoning_content":"\xe5\x97\xaf"}}]}\n\n',
        b'data: {"choices":[{"delta":{"content":"a\\nb","reasoning":"r"}}]}\n\n',
        b'data: {"choices":[{"delta":{"tool_calls":[{"index":0,"id":"c","function":{"name":"f","arguments":"{"}},'
        b'{"index":1,"n":9007199254740993}]}}]}\n\n',
        b'data: {"choices":[{"delta":{"content":"1"}},{"delta":{"content":"2"}}]}\n\n',
        b'data: {"choices":[],"usage":{"prompt_tokens":5}}\n\n',
    ]

    written = profile.start(completion_id=ID, model="doubao")
    written += b"".join(profile.chunk(*chunk_of(block)) for block in blocks)
    written += profile.chunk(event_of(b"data: ping\n\n"), None)
    written += profile.done(finish_reason="stop", usage=USAGE)

    assert written.decode() == (
        f'id: 1\nevent: start\ndata: {{"id":"{ID}","model":"doubao","resumable":false}}\n\n'
        'id: 2\nevent: reasoning\ndata: {"text":"嗯"}\n\n'
        'id: 3\nevent: reasoning\ndata: {"text":"r"}\n\n'
        'id: 4\nevent: delta\ndata: {"text":"a\\nb"}\n\n'
        "id: 5\nevent: tool_call\n"
        'data: {"index":0,"id":"c","function":{"name":"f","arguments":"{"}}\n\n'
        'id: 6\nevent: tool_call\ndata: {"index":1,"n":9007199254740993}\n\n'
        'id: 7\nevent: delta\ndata: {"text":"1"}\n\n'
        'id: 8\nevent: delta\ndata: {"text":"2"}\n\n'
        "id: 9\nevent: done\n"
        'data: {"finish_reason":"stop","usage":{"prompt_tokens":5,"completion_tokens":2,"total_tokens":7}}\n\n'
    )


def test_app_events_of_other_content() -> None:
    profile = AppProfile(keeps_text=True)
    deltas = [
        b'{"content":[{"type":"text","text":"a"},{"type":"image_url","image_url":{}}]}',
        b'{"content":[{"type":"thinking","thinking":[{"type":"text","text":"hm"}]}]}',
        b'{"reasoning_details":[{"type":"reasoning.text","text":"so"}]}',
        b'{"images":[{"type":"image_url"}],"audio":{"data":"x"},"tool_calls":{},"function_call":{}}',
        b'{"refusal":"no"}',
        b'{"function_call":{"name":"f","arguments":"{"}}',
    ]

    written = b"".join(profile.chunk(*chunk_of(b'data: {"choices":[{"delta":%b}]}\n\n' % delta)) for delta in deltas)

    assert written.decode() == (
        'id: 1\nevent: delta\ndata: {"text":"a"}\n\n'
        'id: 2\nevent: reasoning\ndata: {"text":"hm"}\n\n'
        'id: 3\nevent: reasoning\ndata: {"text":"so"}\n\n'
        'id: 4\nevent: delta\ndata: {"text":"no"}\n\n'
        "id: 5\nevent: tool_call\n"
        'data: {"index":0,"type":"function","function":{"name":"f","arguments":"{"}}\n\n'
    )
    assert (profile.text, profile.reasoning) == (["a", "no"], ["hm", "so"])


def test_refused_chunk_uses_no_id() -> None:
    profile = AppProfile(keeps_text=True)
    profile.start(completion_id=ID, model="doubao")

    with pytest.raises(ValueError, match="Expected"):
        profile.chunk(*chunk_of(b'data: {"choices":[{"delta":{"content":"x","tool_calls":{"index":0}}}]}\n\n'))

    assert profile.error(faults.truncated("")).startswith(b"id: 2\nevent: error\n")
    assert profile.text == []


@pytest.mark.parametrize("make", [lambda: OpenAIProfile(wants_usage=False), lambda: AppProfile(keeps_text=True)])
@pytest.mark.parametrize(
    "block",
    [
        TEXT,
        b'data: {"choices":[{"delta":{"content":"x","reasoning_content":"y","tool_calls":[{"index":0}]}}]}\n\n',
        b'data:{"choices":[{"delta":{"tool_calls":null}}],"usage":{"prompt_tokens":1}}\n\n',
        b'data: {"choices":[{}]}\n\n',
    ],
)
def test_midway_is_what_the_chunk_is(make: Callable[[], OpenAIProfile | AppProfile], block: bytes) -> None:
    event, chunk = chunk_of(block)

    assert make().midway(block, chunk) == make().chunk(event, chunk)


def test_app_start_of_a_second_attempt_is_the_same_event() -> None:
    profile = AppProfile(keeps_text=False)
    profile.start(completion_id=ID, model="m")

    written = profile.start(completion_id=ID, model="m")

    assert written.startswith(b"id: 1\nevent: start\n")


def test_app_error_says_whether_to_try_again() -> None:
    written = AppProfile(keeps_text=False).error(faults.idle_timeout(60))

    assert written == (
        b"id: 1\nevent: error\n"
        b'data: {"code":"upstream_idle_timeout","message":"The provider sent nothing for 60 s.","retryable":true}\n\n'
    )


def test_app_heartbeat_is_a_whole_comment() -> None:
    assert AppProfile(keeps_text=False).heartbeat == b": hb\n\n"
