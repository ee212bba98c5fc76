"""One turn while it runs: clients that leave or do not read, silence, and many at once."""

import asyncio
import contextlib
import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import openai
import psutil
import pytest

from tests.servers import Server, eventually
from tests.streaming.conftest import AddModel, Sandbox, Serve, ask, open_stream, recorded, send_request
from tests.streaming.scripted_provider import DONE, STREAM_HEAD, Act, ScriptedProvider, Step, answer, chunk, event

HELLO: Any = [{"role": "user", "content": "hello"}]
STOP = chunk(finish_reason="stop")


def with_usage(content: str, completion_tokens: int) -> bytes:
    """A chunk as Ark sends it with `chunk_include_usage`."""
    usage = {"prompt_tokens": 5, "completion_tokens": completion_tokens, "total_tokens": 5 + completion_tokens}
    return event({"choices": [{"index": 0, "delta": {"content": content, "role": "assistant"}}], "usage": usage})


# --- Clients that leave -----------------------------------------------------------------------------------------------


def test_client_that_leaves_in_the_middle_closes_the_upstream(
    relay: Server, provider: ScriptedProvider, key: str
) -> None:
    provider.stream(with_usage("a", 1), with_usage("b", 2), Act.UNTIL_LEFT)
    response = open_stream(relay, key, model="scripted")
    lines = response.iter_lines()
    while b'"b"' not in next(lines):
        pass

    left_at = time.monotonic()
    response.close()

    assert provider.left_after(left_at) < 1
    completion = recorded(response)
    assert (completion.state, completion.error_code) == ("disconnected", "")
    assert (completion.prompt_tokens, completion.completion_tokens, completion.chunks) == (5, 2, 2)


@pytest.mark.parametrize("steps", [[chunk("", role="assistant")], []], ids=["after the role", "before anything"])
def test_client_that_leaves_before_the_first_content_closes_the_upstream(
    relay: Server, provider: ScriptedProvider, key: str, steps: list[Step]
) -> None:
    provider.stream(*steps, Act.UNTIL_LEFT)
    connection = send_request(relay, key, model="scripted", stream=True)
    eventually(lambda: provider.requests, bool)

    left_at = time.monotonic()
    connection.close()

    assert provider.left_after(left_at) < 1
    assert recorded().state == "disconnected"


def test_client_that_leaves_before_the_providers_head_closes_the_upstream(
    relay: Server, provider: ScriptedProvider, key: str
) -> None:
    provider.on_request([Act.UNTIL_LEFT])
    connection = send_request(relay, key, model="scripted", stream=False)
    eventually(lambda: provider.requests, bool)

    left_at = time.monotonic()
    connection.close()

    assert provider.left_after(left_at) < 1
    assert (recorded().state, recorded().is_stream) == ("disconnected", False)


def test_client_that_leaves_is_not_asked_for_again(relay: Server, provider: ScriptedProvider, key: str) -> None:
    provider.on_request([b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"])
    connection = send_request(relay, key, model="scripted", stream=True)
    eventually(lambda: provider.requests, bool)

    connection.close()  # within the pause before the second try

    assert recorded().state == "disconnected"
    time.sleep(1)
    assert len(provider.requests) == 1


# --- Clients that do not read -----------------------------------------------------------------------------------------

# Far more than the kernel's buffers hold on the way.
MANY: list[Step] = [chunk("x" * 9_000)] * 4_000


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_client_that_reads_nothing_stops_the_provider_and_is_given_up(
    hasty: Server, provider: ScriptedProvider, key: str, version: str
) -> None:
    provider.stream(*MANY, STOP, DONE)
    rss_before = hasty.resident_bytes()

    with send_request(hasty, key, model="scripted", stream=True, version=version) as client:
        completion = recorded()
        received = read_all(client)  # what was in transit, then the end: the connection is cut

    assert (completion.state, completion.error_code) == ("disconnected", "client_stalled")
    assert received < provider.sent_bytes < 20_000_000 < sum(len(step) for step in MANY if isinstance(step, bytes))
    assert hasty.resident_bytes() - rss_before < 20_000_000
    assert provider.left_after(time.monotonic()) < 1


@pytest.fixture(scope="module")
def impatient(serve: Serve) -> Iterator[Server]:
    """A relay that drops clients which read nothing for a second, and is as patient as possible otherwise."""
    with serve(CHAT_WRITE_TIMEOUT_S="1") as server:
        yield server


# Answers that are in the relay's hands as a whole when the client reads nothing: 7 MB, more than the kernel's buffers.
BIG = "x" * 7_000_000
WHOLE_AT_ONCE: dict[str, tuple[list[Step], bool]] = {
    "end of a stream": ([STREAM_HEAD, chunk("a") + chunk(BIG) + STOP + DONE], True),
    "whole answer": (
        [answer(200, json.dumps({"choices": [{"index": 0, "message": {"content": BIG}}]}).encode())],
        False,
    ),
}


@pytest.mark.parametrize(("script", "is_stream"), WHOLE_AT_ONCE.values(), ids=WHOLE_AT_ONCE)
@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_client_that_reads_nothing_of_an_ended_answer_is_cut(
    impatient: Server, provider: ScriptedProvider, key: str, script: list[Step], is_stream: bool, version: str
) -> None:
    provider.on_request(script)

    with send_request(impatient, key, model="scripted", stream=is_stream, version=version) as client:
        state = recorded().state
        assert eventually(lambda: has_let_go(impatient, client), bool, within_s=10)
        received = read_all(client)

    assert state == "completed"  # for the provider it is
    assert received < len(BIG)


@pytest.mark.parametrize(("script", "is_stream"), WHOLE_AT_ONCE.values(), ids=WHOLE_AT_ONCE)
def test_client_that_reads_an_ended_answer_slowly_gets_everything(
    impatient: Server, provider: ScriptedProvider, key: str, script: list[Step], is_stream: bool
) -> None:
    provider.on_request(script)

    with send_request(impatient, key, model="scripted", stream=is_stream, version="1.0") as client:
        received = read_all(client, pause_s=0.01)  # for much longer than the relay's patience

    assert received > len(BIG)


def test_client_leaving_a_finished_answer_is_not_an_error(
    impatient: Server, provider: ScriptedProvider, key: str
) -> None:
    provider.on_request(WHOLE_AT_ONCE["whole answer"][0])

    with send_request(impatient, key, model="scripted"):
        recorded()
    time.sleep(2.5)  # it is checked once more

    assert "ERROR" not in impatient.log


def has_let_go(server: Server, client: socket.socket) -> bool:
    """Whether the server has closed its end. The client cannot tell, since it first gets the data in transit."""
    open_ends = psutil.Process(server.process.pid).net_connections("tcp")
    return client.getsockname() not in [connection.raddr for connection in open_ends]


def read_all(client: socket.socket, *, pause_s: float = 0) -> int:
    """Read until the other side has closed or cut the connection; returns the number of bytes."""
    received = 0
    with contextlib.suppress(ConnectionResetError):
        while read := client.recv(65_536):
            received += len(read)
            time.sleep(pause_s)
    return received


def test_client_that_reads_late_gets_everything(relay: Server, provider: ScriptedProvider, key: str) -> None:
    provider.stream(*MANY, STOP, DONE)

    response = open_stream(relay, key, model="scripted")
    time.sleep(0.7)
    content = response.content

    assert len(content) == sum(len(step) for step in [*MANY, STOP, DONE] if isinstance(step, bytes))
    assert content.endswith(STOP + DONE)
    assert recorded(response).state == "completed"


# --- Silence ----------------------------------------------------------------------------------------------------------


def test_silence_is_filled_with_heartbeats_between_events(chatty: Server, provider: ScriptedProvider, key: str) -> None:
    provider.stream(chunk("a")[:30], 0.05, chunk("a")[30:], 0.9, chunk("b")[:30], 0.8, chunk("b")[30:], STOP, DONE)

    content = ask(chatty, key, model="scripted", stream=True).content

    assert content.replace(b": hb\n", b"") == chunk("a") + chunk("b") + STOP + DONE
    assert content.startswith(chunk("a") + b": hb\n")


def test_steady_stream_has_no_heartbeats(chatty: Server, provider: ScriptedProvider, key: str) -> None:
    steps: list[Step] = [chunk("a"), 0.05] * 20
    provider.stream(*steps, STOP, DONE)

    content = ask(chatty, key, model="scripted", stream=True).content

    assert b"hb" not in content


def test_openai_client_reads_over_heartbeats(chatty: Server, provider: ScriptedProvider, key: str) -> None:
    provider.stream(chunk("a"), 0.9, chunk("b"), 0.8, STOP, DONE)

    with openai.OpenAI(base_url=chatty.url + "/v1", api_key=key, max_retries=0) as client:
        stream = client.chat.completions.create(model="scripted", messages=HELLO, stream=True)
        texts = [each.choices[0].delta.content for each in stream]

    assert texts == ["a", "b", None]


def test_openai_async_client_reads_over_heartbeats(chatty: Server, provider: ScriptedProvider, key: str) -> None:
    provider.stream(chunk("a"), 0.9, chunk("b"), 0.8, STOP, DONE)

    async def read() -> list[str | None]:
        async with openai.AsyncOpenAI(base_url=chatty.url + "/v1", api_key=key, max_retries=0) as client:
            stream = await client.chat.completions.create(model="scripted", messages=HELLO, stream=True)
            return [each.choices[0].delta.content async for each in stream]

    assert asyncio.run(read()) == ["a", "b", None]


# --- The OpenAI client's other ways -----------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/api/v3", "/v1"], ids=["ark", "openai"])
def test_openai_client_gets_tools_reasoning_and_whole_answers(
    relay: Server, sandbox: Sandbox, add_model: AddModel, key: str, path: str
) -> None:
    add_model("fake", sandbox.url + path, dialect="ark" if path == "/api/v3" else "openai")
    tools: Any = [{"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object"}}}]
    question: Any = [{"role": "user", "content": "think about the weather in Paris"}]

    with openai.OpenAI(base_url=relay.url + "/v1", api_key=key, max_retries=0) as client:
        completions = client.chat.completions
        whole = completions.create(model="fake", messages=question, tools=tools)
        with completions.stream(
            model="fake", messages=question, tools=tools, stream_options={"include_usage": True}
        ) as stream:
            reasoning = "".join(
                (each.chunk.choices[0].delta.model_extra or {}).get("reasoning_content", "")
                for each in stream
                if each.type == "chunk" and each.chunk.choices
            )
            streamed = stream.get_final_completion()

    whole_message, streamed_message = whole.choices[0].message, streamed.choices[0].message
    assert whole_message.tool_calls
    assert streamed_message.tool_calls
    assert streamed_message.tool_calls[0].function.name == "get_weather"
    assert streamed_message.tool_calls[0].function.arguments == whole_message.tool_calls[0].function.arguments  # type: ignore[union-attr]
    assert reasoning == (whole_message.model_extra or {})["reasoning_content"] != ""
    assert streamed.usage == whole.usage
    assert streamed.choices[0].finish_reason == whole.choices[0].finish_reason == "tool_calls"


def test_openai_client_raises_by_our_status(hasty: Server, sandbox: Sandbox, key: str) -> None:
    sandbox.fault("retry_after", seconds=9)

    with openai.OpenAI(base_url=hasty.url + "/v1", api_key=key, max_retries=0) as client:
        with pytest.raises(openai.RateLimitError) as limited:
            client.chat.completions.create(model="doubao", messages=HELLO, stream=True)
        with pytest.raises(openai.NotFoundError) as unknown:
            client.chat.completions.create(model="nope", messages=HELLO)

    assert limited.value.response.headers["Retry-After"] == "9"
    assert unknown.value.code == "model_not_found"


# --- Many -------------------------------------------------------------------------------------------------------------


def test_threads_do_not_grow_with_open_streams(relay: Server, provider: ScriptedProvider, key: str) -> None:
    provider.stream(chunk("a"), Act.PART, STOP, DONE)
    streams = 60

    with ExitStack() as opened:
        responses = [opened.enter_context(open_stream(relay, key, model="scripted"))]
        threads_with_one = relay.threads()
        for _ in range(streams - 1):
            responses.append(opened.enter_context(open_stream(relay, key, model="scripted")))
        threads_with_many = relay.threads()
        for _ in range(streams):
            provider.go_on()
        rows = [recorded(response) for response in responses]

    # The pool for database work has at most four threads more than the machine has cores.
    assert threads_with_many - threads_with_one < 8
    assert [row.state for row in rows] == ["completed"] * streams
