"""Token counts under every vendor's names, and in unusual places."""

import pytest

from streaming.wire import tokens
from streaming.wire.chunks import Usage

Counts = tuple[int, int, int, int] | None

# (usage, its tokens: prompt, completion, cached, reasoning)
USAGES: dict[str, tuple[str, Counts]] = {
    "ark": (
        '{"completion_tokens":9,"prompt_tokens":5,"total_tokens":14,"prompt_tokens_details":{"cached_tokens":3},'
        '"completion_tokens_details":{"reasoning_tokens":4}}',
        (5, 9, 3, 4),
    ),
    "without details": ('{"completion_tokens":9,"prompt_tokens":5}', (5, 9, 0, 0)),
    "null details": (
        '{"completion_tokens":9,"prompt_tokens":5,"prompt_tokens_details":null,'
        '"completion_tokens_details":{"reasoning_tokens":null}}',
        (5, 9, 0, 0),
    ),
    "details of PHP": ('{"completion_tokens":9,"prompt_tokens":5,"prompt_tokens_details":[]}', (5, 9, 0, 0)),
    "moonshot": ('{"prompt_tokens":5,"completion_tokens":9,"cached_tokens":3}', (5, 9, 3, 0)),
    "deepseek": (
        '{"prompt_tokens":5,"completion_tokens":9,"prompt_cache_hit_tokens":3,"prompt_cache_miss_tokens":2}',
        (5, 9, 3, 0),
    ),
    "responses": (
        '{"input_tokens":5,"input_tokens_details":{"cached_tokens":3},"output_tokens":9,'
        '"output_tokens_details":{"reasoning_tokens":4}}',
        (5, 9, 3, 4),
    ),
    "both names": ('{"prompt_tokens":null,"input_tokens":5,"output_tokens":9}', (5, 9, 0, 0)),
    "texts": ('{"prompt_tokens":"5","completion_tokens":9.0}', (5, 9, 0, 0)),
    "one of two": ('{"prompt_tokens":5}', (5, 0, 0, 0)),
    "a null": ('{"prompt_tokens":null,"completion_tokens":9}', None),
    "half a token": ('{"prompt_tokens":5,"completion_tokens":9.5}', None),
    "past 64 bits": ('{"prompt_tokens":1180591620717411303424}', (2**70, 0, 0, 0)),
    "nothing": ("{}", None),
    "null": ("null", None),
    "a list": ("[5,9]", None),
    "no JSON": ("{", None),
    "too deep": ("[" * 100_000, None),
}


def counts_of(usage: Usage | None) -> Counts:
    if usage is None:
        return None
    return usage.prompt_tokens, usage.completion_tokens, usage.cached_tokens, usage.reasoning_tokens


@pytest.mark.parametrize(("raw", "counts"), USAGES.values(), ids=USAGES)
def test_usage_is_read(raw: str, counts: Counts) -> None:
    assert counts_of(tokens.read(raw.encode())) == counts


FIVE_NINE = '{"prompt_tokens":5,"completion_tokens":9}'
ODD_PLACES = {
    "choice": '{"choices":[{"index":0,"delta":{},"finish_reason":"stop","usage":%s}]}',
    "second choice": '{"choices":[{"usage":null},{"usage":%s}]}',
    "delta": '{"choices":[{"delta":{"usage":%s}}]}',
    "message": '{"choices":[{"message":{"content":"a","usage":%s}}]}',
    "groq": '{"choices":[],"usage":null,"x_groq":{"id":"r","usage":%s}}',
}


@pytest.mark.parametrize("payload", ODD_PLACES.values(), ids=ODD_PLACES)
def test_usage_in_an_odd_place_is_found(payload: str) -> None:
    assert counts_of(tokens.in_odd_places((payload % FIVE_NINE).encode())) == (5, 9, 0, 0)


@pytest.mark.parametrize(
    "payload",
    [
        '{"choices":[{"delta":{"content":"\\"usage\\":{}"}}]}',
        '{"choices":[{"usage":null,"delta":{"usage":7}}],"x_groq":null}',
        '{"choices":7,"usage":null,"deep":{"er":{"usage":{"prompt_tokens":5}}}}',
        '["usage"]',
        '{"usage"',
    ],
)
def test_no_usage_is_made_up(payload: str) -> None:
    assert tokens.in_odd_places(payload.encode()) is None


def test_counts_of_several_reports_only_grow() -> None:
    reports = [
        '{"prompt_tokens":5,"completion_tokens":1,"prompt_tokens_details":{"cached_tokens":3}}',
        '{"prompt_tokens":5,"completion_tokens":9,"total_tokens":14}',
        '{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0}',
        "null",
    ]

    usage = None
    for report in reports:
        usage = tokens.merged(usage, tokens.read(report.encode()))

    assert counts_of(usage) == (5, 9, 3, 0)
    assert usage is not None
    assert usage.as_openai() == {
        "prompt_tokens": 5,
        "completion_tokens": 9,
        "total_tokens": 14,
        "prompt_tokens_details": {"cached_tokens": 3},
    }
