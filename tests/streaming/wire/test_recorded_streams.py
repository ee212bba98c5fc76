"""Streams of real providers, cut in every way, through the relay to the unmodified OpenAI client.

The recordings are not part of this project (see `../shared/data/README.md`). Streams of the same shapes are made here,
so that everybody runs these tests; where the recordings are, they run on both.
"""

import json
import random
import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import openai
import pytest
import requests

from tests.servers import ROOT, Server
from tests.streaming.scripted_provider import DONE, ScriptedProvider
from tests.streaming.wire.made_streams import MADE

RECORDED = {
    path.name.split(".")[0]: path.read_bytes().splitlines()
    for path in sorted((ROOT / "../shared/data/streams").glob("*.chunks.txt"))
}
STREAMS = MADE | RECORDED

each_stream = pytest.mark.parametrize("payloads", STREAMS.values(), ids=STREAMS)

Lines = list[bytes]
Frames = list[bytes]


def frames_of(payloads: Lines) -> Frames:
    return [b"data: " + line + b"\n\n" for line in payloads] + [DONE]


def at_random(frames: Frames) -> Frames:
    stream, cutter = b"".join(frames), random.Random(len(frames))
    cuts = sorted(cutter.randrange(len(stream)) for _ in range(len(frames) * 3))
    return [stream[start:end] for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]


def bytewise(frames: Frames) -> Frames:
    stream = b"".join(frames)
    return [stream[i : i + 1] for i in range(len(stream))]


def with_keepalives(frames: Frames) -> Frames:
    return [part for frame in frames for part in (b": keep-alive\n\n", b"data:\n\n", frame)]


CUTTINGS: dict[str, Callable[[Frames], Frames]] = {
    "whole": lambda frames: [b"".join(frames)],
    "per event": lambda frames: frames,
    "at random": at_random,
    "CRLF": lambda frames: [frame.replace(b"\n", b"\r\n") for frame in frames],
    "CR": lambda frames: [frame.replace(b"\n", b"\r") for frame in frames],
    "with keep-alives": with_keepalives,
}


def assembled(chunks: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """The message that a reader of these chunks assembles."""
    answer: dict[str, Any] = {"text": "", "reasoning": "", "tool_calls": defaultdict(dict), "finish_reason": None}
    for chunk in chunks:
        for choice in chunk["choices"]:
            delta = choice["delta"]
            answer["text"] += delta.get("content") or ""
            answer["reasoning"] += delta.get("reasoning_content") or delta.get("reasoning") or ""
            answer["finish_reason"] = choice.get("finish_reason") or answer["finish_reason"]
            for call in delta.get("tool_calls") or []:
                whole = answer["tool_calls"][call["index"]]
                for name, text in call["function"].items():
                    whole[name] = whole.get(name, "") + (text or "")
        answer["usage"] = chunk.get("usage") or answer.get("usage")
    return answer


def read_by_openai(server: Server, key: str) -> list[dict[str, Any]]:
    with openai.OpenAI(base_url=server.url + "/v1", api_key=key, max_retries=0) as client:
        stream = client.chat.completions.create(
            model="scripted",
            messages=[{"role": "user", "content": "hi"}],
            stream=True,
            stream_options={"include_usage": True},
        )
        return [chunk.to_dict() for chunk in stream]


@each_stream
@pytest.mark.parametrize("cut", CUTTINGS.values(), ids=CUTTINGS)
def test_recorded_stream_is_assembled_by_the_client(
    relay: Server, provider: ScriptedProvider, key: str, payloads: Lines, cut: Callable[[Frames], Frames]
) -> None:
    provider.stream(*cut(frames_of(payloads)))
    recorded = [json.loads(line) for line in payloads]

    chunks = read_by_openai(relay, key)

    assert assembled(chunks) == assembled(recorded)
    assert len(chunks) == len(recorded)
    assert assembled(recorded)["usage"]["completion_tokens"] > 0


BYTEWISE = {name: lines for name, lines in STREAMS.items() if name.endswith(("deepseek-tool-call", "alibaba-text"))}


@pytest.mark.parametrize("payloads", BYTEWISE.values(), ids=BYTEWISE)
def test_stream_byte_by_byte(relay: Server, provider: ScriptedProvider, key: str, payloads: Lines) -> None:
    provider.stream(*bytewise(frames_of(payloads)))

    chunks = read_by_openai(relay, key)

    assert assembled(chunks) == assembled(json.loads(line) for line in payloads)


@each_stream
def test_recorded_stream_passes_byte_for_byte(
    relay: Server, provider: ScriptedProvider, key: str, payloads: Lines
) -> None:
    provider.stream(*at_random(frames_of(payloads)))
    body = {"model": "scripted", "messages": [{"role": "user", "content": "hi"}], "stream": True}

    passed_on = [
        requests.post(
            relay.url + "/v1/chat/completions",
            json={**body, "stream_options": {"include_usage": wants, "chunk_include_usage": wants}},
            headers={"Authorization": f"Bearer {key}"},
            timeout=10,
        ).content
        for wants in (True, False)
    ]

    whole = b"".join(frames_of(payloads))
    unasked = re.sub(rb'data: \{"choices":\[\][^\n]*\n\n|data: \{[^\n]*"choices":\[\][^\n]*\n\n', b"", whole)
    if b'"reasoning_content":"Let","role":"assistant"' in whole:  # Ark's: the usage so far on every chunk
        unasked = re.sub(rb',"usage":\{[^\n]*\}\}\n', b"}\n", unasked)
    assert passed_on == [whole, unasked]


@pytest.mark.parametrize("streams", [MADE, RECORDED] if RECORDED else [MADE])
def test_streams_are_of_every_kind(streams: dict[str, Lines]) -> None:
    answers = [assembled(map(json.loads, payloads)) for payloads in streams.values()]

    kinds = {
        kind: sum(bool(answer[kind]) for answer in answers) for kind in ("text", "reasoning", "tool_calls", "usage")
    }
    assert kinds["usage"] == len(streams) >= 7
    assert (kinds["text"], kinds["tool_calls"]) == (len(streams) - 1, 1)
    assert kinds["reasoning"] >= 3


def test_made_streams_have_the_shapes_of_the_recordings() -> None:
    """Skipped without effect where the recordings are missing."""
    recorded = {f"made-{name}": shape_of(payloads) for name, payloads in RECORDED.items()}

    assert {name: shape_of(MADE[name]) for name in recorded} == recorded


def shape_of(payloads: Lines) -> set[str]:
    """The path to every value in the chunks, with the value's type."""
    return {way for payload in payloads for way in _ways(json.loads(payload))}


def _ways(value: Any, way: str = "") -> set[str]:
    if isinstance(value, dict):
        return {found for key, each in value.items() for found in _ways(each, f"{way}.{key}")} or {f"{way}: {{}}"}
    if isinstance(value, list):
        return {found for each in value for found in _ways(each, f"{way}[]")} or {f"{way}: []"}
    return {f"{way}: {'number' if isinstance(value, int | float) else type(value).__name__}"}
