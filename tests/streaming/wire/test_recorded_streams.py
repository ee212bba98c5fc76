"""Streams of real providers, cut in every way, through the relay to the unmodified OpenAI client.

The recordings are not part of this project (see `../shared/data/README.md`); without them these tests are skipped.
"""

import json
import random
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import openai
import pytest
import requests

from tests.servers import ROOT, Server
from tests.streaming.scripted_provider import DONE, ScriptedProvider

RECORDINGS = sorted((ROOT / "../shared/data/streams").glob("*.chunks.txt"))

pytestmark = pytest.mark.skipif(not RECORDINGS, reason="no recorded streams in ../shared/data/streams")

each_recording = pytest.mark.parametrize("recording", RECORDINGS, ids=lambda path: path.name.split(".")[0])

Frames = list[bytes]


def frames_of(recording: Path) -> Frames:
    return [b"data: " + line + b"\n\n" for line in recording.read_bytes().splitlines()] + [DONE]


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
    """What a reader of these chunks ends up with."""
    answer: dict[str, Any] = {"text": "", "reasoning": "", "tool_calls": defaultdict(dict), "finish_reason": None}
    for chunk in chunks:
        for choice in chunk["choices"]:
            delta = choice["delta"]
            answer["text"] += delta.get("content") or ""
            answer["reasoning"] += delta.get("reasoning_content") or delta.get("reasoning") or ""
            answer["finish_reason"] = choice["finish_reason"] or answer["finish_reason"]
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


@each_recording
@pytest.mark.parametrize("cut", CUTTINGS.values(), ids=CUTTINGS)
def test_recorded_stream_is_assembled_by_the_client(
    relay: Server, provider: ScriptedProvider, key: str, recording: Path, cut: Callable[[Frames], Frames]
) -> None:
    provider.stream(*cut(frames_of(recording)))
    recorded = [json.loads(line) for line in recording.read_bytes().splitlines()]

    chunks = read_by_openai(relay, key)

    assert assembled(chunks) == assembled(recorded)
    assert len(chunks) == len(recorded)
    assert assembled(recorded)["usage"]["completion_tokens"] > 0


@pytest.mark.parametrize("name", ["deepseek-tool-call", "alibaba-text"])
def test_recorded_stream_byte_by_byte(relay: Server, provider: ScriptedProvider, key: str, name: str) -> None:
    [recording] = [path for path in RECORDINGS if path.name.startswith(name)]
    provider.stream(*bytewise(frames_of(recording)))

    chunks = read_by_openai(relay, key)

    assert assembled(chunks) == assembled(json.loads(line) for line in recording.read_bytes().splitlines())


@each_recording
def test_recorded_stream_passes_byte_for_byte(
    relay: Server, provider: ScriptedProvider, key: str, recording: Path
) -> None:
    provider.stream(*at_random(frames_of(recording)))
    body = {"model": "scripted", "messages": [{"role": "user", "content": "hi"}], "stream": True}

    passed_on = [
        requests.post(
            relay.url + "/v1/chat/completions",
            json={**body, "stream_options": {"include_usage": wants_usage}},
            headers={"Authorization": f"Bearer {key}"},
            timeout=10,
        ).content
        for wants_usage in (True, False)
    ]

    frames = frames_of(recording)
    assert passed_on == [b"".join(frames), b"".join(frame for frame in frames if b'"choices":[]' not in frame)]


def test_recordings_are_of_every_kind() -> None:
    answers = {path.name: assembled(json.loads(line) for line in path.read_bytes().splitlines()) for path in RECORDINGS}

    kinds = {
        kind: sum(bool(answer[kind]) for answer in answers.values())
        for kind in ("text", "reasoning", "tool_calls", "usage")
    }
    assert kinds == {"text": 6, "reasoning": 3, "tool_calls": 1, "usage": 7}
