"""Clients that know HTTP and nothing of chats: what a program would make of their answers."""

import base64
import json
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.clients.python.asked import WEATHER, Asked

JAVA_PROGRAM = Path(__file__).parent / "java" / "Client.java"
SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "rivers": {"type": "integer"}},
    "required": ["name", "rivers"],
}

Answer = tuple[int, str]  # status and text
# Sends the bodies one after the other to chat completions.
Send = Callable[[Sequence[Mapping[str, Any]]], list[Answer]]


def seen(asked: Asked, send: Send) -> dict[str, Any]:
    """What the other clients' programs print."""
    schema = {"type": "json_schema", "json_schema": {"name": "city", "schema": SCHEMA, "strict": True}}
    streamed, whole, tool, structured, refused, cut = send(
        [
            _body(asked["model"], asked["question"], stream=True, stream_options={"include_usage": True}),
            _body(asked["model"], asked["question"]),
            _body(asked["model"], asked["weather"], tools=[WEATHER]),
            _body(asked["model"], asked["question"], response_format=schema),
            _body(asked["unknown"], "hi"),
            _body(asked["cut"], asked["question"], stream=True),
        ]
    )
    chunks, [*_, last] = _chunks(streamed[1])
    call = _message(tool)["tool_calls"][0]["function"]
    return {
        "streamed": [text for chunk in chunks for each in chunk["choices"] if (text := each["delta"].get("content"))],
        "streamed_tokens": _tokens(chunks[-1]) if last == "[DONE]" else None,
        "whole": _message(whole)["content"],
        "whole_tokens": _tokens(json.loads(whole[1])),
        "tool": [call["name"], call["arguments"]],
        "structured": json.loads(_message(structured)["content"]),
        "refused": {"status": refused[0], "text": refused[1]},
        "cut": {"status": None, "text": _chunks(cut[1])[1][-1]},
    }


def sent_by_java(key: str, calls: Sequence[tuple[str, object]]) -> list[Answer]:
    """Java's `HttpClient` posts these bodies to these addresses."""
    arguments = [part for url, body in calls for part in (url, json.dumps(body))]
    done = subprocess.run(["java", JAVA_PROGRAM, key, *arguments], capture_output=True, check=True, timeout=120)
    answers = [line.split(" ") for line in done.stdout.decode().splitlines()]
    return [(int(status), base64.b64decode(text).decode()) for status, text in answers]


def sent_by_curl(asked: Asked, bodies: Sequence[Mapping[str, Any]]) -> list[Answer]:
    command = [
        "curl",
        "--silent",
        "--no-buffer",
        "--write-out",
        "\n%{http_code}",
        f"{asked['url']}/v1/chat/completions",
    ]
    command += ["--header", f"Authorization: Bearer {asked['key']}", "--data"]
    outputs = [
        subprocess.run([*command, json.dumps(body)], capture_output=True, check=True, timeout=60).stdout.decode()
        for body in bodies
    ]
    parts = [output.rpartition("\n") for output in outputs]
    return [(int(status), text) for text, _newline, status in parts]


def _body(model: str, text: str, **options: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": text}], **options}


def _message(answer: Answer) -> Any:
    return json.loads(answer[1])["choices"][0]["message"]


def _chunks(text: str) -> tuple[list[dict[str, Any]], list[str]]:
    """The chunks of a stream, and the data of all its events."""
    events = [line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: ")]
    return [chunk for event in events if event != "[DONE]" and "choices" in (chunk := json.loads(event))], events


def _tokens(answer: Mapping[str, Any]) -> list[int]:
    return [answer["usage"]["prompt_tokens"], answer["usage"]["completion_tokens"]]
