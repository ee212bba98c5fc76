"""Reading a chunk, well-formed or not."""

import msgspec
import pytest

from streaming.wire import chunks, tokens

# A chunk with members of the wrong type → (content, prompt tokens, error)
ODD_CHUNKS = {
    "counts that are null": (
        b'{"choices":[{"delta":{"content":"a"}}],"usage":{"prompt_tokens":null}}',
        "a",
        None,
        False,
    ),
    "counts that are texts": (b'{"choices":[{"delta":{"content":"a"}}],"usage":{"prompt_tokens":"5"}}', "a", 5, False),
    "usage that is a text": (b'{"choices":[{"delta":{"content":"a"}}],"usage":"x"}', "a", None, False),
    "index that is a text": (b'{"choices":[{"index":"0","delta":{"content":"a"}}]}', "a", None, False),
    "content that is an object": (b'{"choices":[{"delta":{"content":{}}}],"usage":{"prompt_tokens":5}}', "", 5, False),
    "reasoning that is an object": (
        b'{"choices":[{"delta":{"content":"a","reasoning":{"effort":"low"},"thinking":7}}]}',
        "a",
        None,
        False,
    ),
    "usage of a choice that is a text": (b'{"choices":[{"usage":"x","delta":{"content":"a"}}]}', "a", None, False),
    "delta that is a text": (b'{"choices":[{"delta":"a","finish_reason":"stop"}]}', None, None, False),
    "error beside an odd part": (b'{"error":{"code":"x"},"choices":7}', None, None, True),
}


@pytest.mark.parametrize(("payload", "content", "prompt_tokens", "is_error"), ODD_CHUNKS.values(), ids=ODD_CHUNKS)
def test_odd_part_of_a_chunk_hides_no_other(
    payload: bytes, content: str | None, prompt_tokens: int | None, is_error: bool
) -> None:
    chunk = chunks.readable_parts(payload)

    assert chunk is not None
    delta = chunk.choices[0].delta if chunk.choices else None
    usage = tokens.read(chunk.usage)
    assert (
        delta and delta.text,
        usage and usage.prompt_tokens,
        not chunks.is_null(chunk.error),
    ) == (content, prompt_tokens, is_error)


@pytest.mark.parametrize("payload", [b"[DONE]", b"[]", b'{"a"', b"null", b'{"a":1}\n{"b":2}', b"\xff"])
def test_what_is_no_object_has_no_parts(payload: bytes) -> None:
    assert chunks.readable_parts(payload) is None


# (members of a delta, its text, its reasoning)
DELTAS = {
    "text": ('"content":"a"', "a", ""),
    "DeepSeek": ('"reasoning_content":"hm","content":""', "", "hm"),
    "OpenRouter": ('"reasoning":"hm","reasoning_details":[{"type":"reasoning.text","text":"hm"}]', "", "hm"),
    "MiniMax": ('"reasoning_details":[{"type":"reasoning.text","index":0,"text":"h"},{"text":"m"}]', "", "hm"),
    "summary": ('"reasoning_details":[{"type":"reasoning.summary","summary":"hm"}]', "", "hm"),
    "encrypted": ('"reasoning_details":[{"type":"reasoning.encrypted","data":"x"}]', "", ""),
    "details that are no list": ('"reasoning_details":{"text":"hm"}', "", ""),
    "Copilot": ('"reasoning_text":"hm"', "", "hm"),
    "thinking": ('"thinking":"hm"', "", "hm"),
    "two names": ('"reasoning_content":null,"reasoning":"hm"', "", "hm"),
    "parts": ('"content":[{"type":"text","text":"a"},"b",{"type":"output_text","text":"c"}]', "abc", ""),
    "Mistral": (
        '"content":[{"type":"thinking","thinking":[{"type":"text","text":"hm"}]},{"type":"text","text":"a"}]',
        "a",
        "hm",
    ),
    "images among parts": ('"content":[{"type":"image_url","image_url":{"url":"data:"}},7]', "", ""),
    "refusal": ('"content":null,"refusal":"no"', "no", ""),
}


@pytest.mark.parametrize(("members", "text", "thoughts"), DELTAS.values(), ids=DELTAS)
def test_texts_of_a_delta(members: str, text: str, thoughts: str) -> None:
    delta = msgspec.json.decode(f"{{{members}}}", type=chunks.Delta)

    assert (delta.text, delta.thoughts) == (text, thoughts)


CONTENT = [
    '"content":"a"',
    '"content":[{"type":"text","text":""}]',
    '"reasoning_details":[{}]',
    '"a reasoning of tomorrow":"hm"',
    '"images":[{"type":"image_url"}]',
    '"audio":{"id":"a"}',
    '"function_call":{"name":"f"}',
    '"tool_calls":[{"index":0}]',
    '"refusal":"no"',
    '"count":0',
    '"flag":true',
]
NO_CONTENT = [
    "",
    '"role":"assistant"',
    '"content":""',
    '"content":[ ]',
    '"tool_calls":[]',
    '"function_call":{ }',
    '"reasoning_details":[],"images":null,"audio":{},"flag":false',
]


@pytest.mark.parametrize("members", CONTENT + NO_CONTENT)
def test_content_of_a_delta(members: str) -> None:
    payload = f'{{"choices":[{{"delta":{{{members}}}}}]}}'.encode()

    assert chunks.holds_content(payload) == (members in CONTENT)


@pytest.mark.parametrize(
    ("payload", "has_content"),
    [
        ('{"choices":[{"delta":{}},{"delta":{"content":"a"}}]}', True),
        ('{"choices":[{"message":{"role":"assistant","content":"a"}}]}', True),
        ('{"choices":[{"message":{"role":"assistant","content":""}}]}', False),
        ('{"choices":[{"text":"a"}]}', True),
        ('{"choices":[{"text":""}]}', False),
        ('{"choices":[7,{"delta":7,"message":[]}]}', False),
        ('{"choices":{"delta":{"content":"a"}}}', False),
        ('{"choices":[],"content":"a"}', False),
        ("[]", False),
        ("a", False),
    ],
)
def test_content_of_a_chunk(payload: str, has_content: bool) -> None:
    assert chunks.holds_content(payload.encode()) == has_content
