"""What a chunk holds, in its right shape and in odd ones."""

import msgspec
import pytest

from streaming.wire import chunks

# (chunk, its tokens: prompt, completion, cached, reasoning)
USAGES = {
    "ark": (
        b'{"usage":{"completion_tokens":9,"prompt_tokens":5,"total_tokens":14,'
        b'"prompt_tokens_details":{"cached_tokens":3},"completion_tokens_details":{"reasoning_tokens":4}}}',
        (5, 9, 3, 4),
    ),
    "without details": (b'{"usage":{"completion_tokens":9,"prompt_tokens":5}}', (5, 9, 0, 0)),
    "null details": (
        b'{"usage":{"completion_tokens":9,"prompt_tokens":5,"prompt_tokens_details":null,'
        b'"completion_tokens_details":{"reasoning_tokens":null}}}',
        (5, 9, 0, 0),
    ),
}


@pytest.mark.parametrize(("chunk", "tokens"), USAGES.values(), ids=USAGES)
def test_usage_of_a_chunk(chunk: bytes, tokens: tuple[int, int, int, int]) -> None:
    usage = chunks.decode(chunk).usage

    assert usage is not None
    assert (usage.prompt_tokens, usage.completion_tokens, usage.cached_tokens, usage.reasoning_tokens) == tokens


# A chunk with parts of another shape than they should have → (content, prompt tokens, error)
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
    "content that is a list": (b'{"choices":[{"delta":{"content":[]}}],"usage":{"prompt_tokens":5}}', None, 5, False),
    "error beside an odd part": (b'{"error":{"code":"x"},"choices":7}', None, None, True),
}


@pytest.mark.parametrize(("payload", "content", "prompt_tokens", "is_error"), ODD_CHUNKS.values(), ids=ODD_CHUNKS)
def test_odd_part_of_a_chunk_hides_no_other(
    payload: bytes, content: str | None, prompt_tokens: int | None, is_error: bool
) -> None:
    chunk = chunks.readable_parts(payload)

    assert chunk is not None
    delta = chunk.choices[0].delta if chunk.choices else None
    assert (
        delta and delta.content,
        chunk.usage and chunk.usage.prompt_tokens,
        not chunks.is_null(chunk.error),
    ) == (content, prompt_tokens, is_error)


@pytest.mark.parametrize("payload", [b"[DONE]", b"[]", b'{"a"', b"null", b'{"a":1}\n{"b":2}', b"\xff"])
def test_what_is_no_object_has_no_parts(payload: bytes) -> None:
    assert chunks.readable_parts(payload) is None


@pytest.mark.parametrize(
    ("delta", "text"),
    [
        (b'{"reasoning_content":"hm","content":""}', "hm"),
        (b'{"reasoning":"hm"}', "hm"),
        (b'{"reasoning_content":null,"reasoning":"hm"}', "hm"),
        (b'{"content":"answer"}', ""),
    ],
)
def test_reasoning_of_a_delta(delta: bytes, text: str) -> None:
    assert msgspec.json.decode(delta, type=chunks.Delta).reasoning_text == text
