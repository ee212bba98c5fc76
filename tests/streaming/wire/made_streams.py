"""Streams in the shapes of real providers: the members of their chunks, their order, and the place of the usage.

The answers are the sandbox's; the shapes are those of the recordings in `../shared/data/streams`, which are not part of
this project. One JSON payload a chunk, as there: without `data: ` and `[DONE]`.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from sandbox.vendors.answers import Answer, ChatMessage, ChatRequest, StreamOptions, compose
from sandbox.vendors.chunks import ArkChunks, Chunks

Payload = dict[str, Any]

_WEATHER = {"type": "function", "function": {"name": "weather", "parameters": {"properties": {"location": {}}}}}
_TEXT = compose(ChatRequest(messages=[ChatMessage(role="user", content="用 markdown 写一个节日 🎏")]))
_CUT = compose(ChatRequest(messages=[ChatMessage(role="user", content="Show me code")], max_tokens=60))
_REASONING = compose(ChatRequest(messages=[ChatMessage(role="user", content="Think: why do rivers bend?")]))
_TOOL_CALL = compose(
    ChatRequest(messages=[ChatMessage(role="user", content="Think about the weather in Paris")], tools=[_WEATHER])
)


def alibaba(answer: Answer) -> Iterator[Payload]:
    """Qwen at DashScope: the head at the end, keys in another order in each kind of chunk, usage in one of its own."""
    head = _head("chatcmpl-3f0a6f0c-sandbox", "qwen3-max") | {"system_fingerprint": None}
    for position, delta in enumerate(_deltas(answer, beside_reasoning={"content": None})):
        choice = {"delta": delta, "index": 0, "logprobs": None, "finish_reason": None}
        yield {"choices": [choice if position % 2 else dict(reversed(choice.items()))], **head, "usage": None}
    ending = {"finish_reason": answer.finish_reason, "delta": {"content": ""}, "index": 0, "logprobs": None}
    yield {"choices": [ending], **head, "usage": None}
    yield {"choices": [], **head, "usage": _usage(answer)}


def deepseek(answer: Answer) -> Iterator[Payload]:
    """Usage on the last chunk, with numbers of its own; a null beside each reasoning piece."""
    head = _head("cac7192e-sandbox", "deepseek-reasoner") | {"system_fingerprint": "fp_sandbox_kvcache"}
    for delta in _deltas(answer, beside_reasoning={"content": None}):
        yield {**head, "choices": [_choice(delta)], "usage": None}
    ending = {"content": "", **({"reasoning_content": None} if answer.reasoning else {})}
    cached = {"prompt_cache_hit_tokens": 0, "prompt_cache_miss_tokens": answer.prompt_tokens}
    yield {**head, "choices": [_choice(ending, answer.finish_reason)], "usage": _usage(answer) | cached}


def groq(answer: Answer) -> Iterator[Payload]:
    """Usage twice on the last chunk: in `x_groq`, and where everybody else has it. No null usage before."""
    head = _head("chatcmpl-7eb08824-sandbox", "llama-3.3-70b-versatile") | {"system_fingerprint": "fp_sandbox"}
    for position, delta in enumerate(_deltas(answer)):
        seed = {} if position else {"x_groq": {"id": "req_sandbox", "seed": 1535227698}}
        yield {**head, "choices": [_choice(delta)], **seed}
    times = {"queue_time": 0.04, "prompt_time": 0.0039, "completion_time": 2.652230333, "total_time": 2.656170478}
    usage = _counts(answer) | times
    last = {"x_groq": {"id": "req_sandbox", "usage": usage}, "usage": usage}
    yield {**head, "choices": [_choice({}, answer.finish_reason)], **last}


def openai(answer: Answer) -> Iterator[Payload]:
    """`obfuscation` of another length on each chunk, a null `refusal` on the first, usage in a chunk of its own."""
    head = _head("chatcmpl-D8Z5oo6-sandbox", "gpt-4.1-nano") | {"service_tier": "default", "system_fingerprint": "fp_s"}
    for position, delta in enumerate(_deltas(answer)):
        first = {} if position else {"refusal": None}
        yield {**head, "choices": [_choice(delta | first)], "usage": None, "obfuscation": "x" * (position % 9)}
    yield {**head, "choices": [_choice({}, answer.finish_reason)], "usage": None, "obfuscation": "zap0"}
    usage = _usage(answer)
    usage["prompt_tokens_details"]["audio_tokens"] = 0
    usage["completion_tokens_details"] = dict.fromkeys(
        ("reasoning_tokens", "audio_tokens", "accepted_prediction_tokens", "rejected_prediction_tokens"), 0
    )
    yield {**head, "choices": [], "usage": usage, "obfuscation": "h9RiQLL"}


def ark(answer: Answer) -> Iterator[Payload]:
    """The role on every chunk, no `finish_reason` before the last one, the usage so far on each (the sandbox's)."""
    options = StreamOptions(include_usage=True, chunk_include_usage=True)
    chunks: Chunks = ArkChunks(completion_id="021764661832-sandbox", model="doubao-1-5-pro", options=options)
    for frame in chunks.frames(answer)[:-1]:
        yield msgspec.json.decode(frame.removeprefix(b"data: "))


def _deltas(answer: Answer, *, beside_reasoning: Payload | None = None) -> Iterator[Payload]:
    """The role, then piece by piece what the answer has; `beside_reasoning` is what a reasoning piece also carries."""
    yield {"role": "assistant", "content": None if answer.reasoning else ""}
    for piece in answer.reasoning:
        yield {**(beside_reasoning or {}), "reasoning_content": piece}
    for piece in answer.content:
        yield {"content": piece, **({"reasoning_content": None} if answer.reasoning else {})}
    if call := answer.tool_call:
        opening = {"index": 0, "id": call.id, "type": "function", "function": {"name": call.name, "arguments": ""}}
        yield {"tool_calls": [opening]}
        for fragment in call.arguments:
            yield {"tool_calls": [{"index": 0, "function": {"arguments": fragment}}]}


def _choice(delta: Payload, finish_reason: str | None = None) -> Payload:
    return {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}


def _head(completion_id: str, model: str) -> Payload:
    return {"id": completion_id, "object": "chat.completion.chunk", "created": 1764661832, "model": model}


def _usage(answer: Answer) -> Payload:
    usage = {**_counts(answer), "prompt_tokens_details": {"cached_tokens": answer.cached_tokens}}
    if answer.reasoning:
        usage["completion_tokens_details"] = {"reasoning_tokens": len(answer.reasoning)}
    return usage


def _counts(answer: Answer) -> Payload:
    return {
        "prompt_tokens": answer.prompt_tokens,
        "completion_tokens": answer.completion_tokens,
        "total_tokens": answer.prompt_tokens + answer.completion_tokens,
    }


SHAPES = {
    "alibaba-reasoning": alibaba(_REASONING),
    "alibaba-text": alibaba(_TEXT),
    "ark-reasoning": ark(_REASONING),  # not among the recordings
    "deepseek-reasoning": deepseek(_REASONING),
    "deepseek-text": deepseek(_CUT),
    "deepseek-tool-call": deepseek(_TOOL_CALL),
    "groq-text": groq(_TEXT),
    "openai-text": openai(_TEXT),
}
MADE: dict[str, list[bytes]] = {
    f"made-{name}": [msgspec.json.encode(payload) for payload in payloads] for name, payloads in SHAPES.items()
}
