"""Which usage an OpenAI client gets: what it asked for, however the provider sends it, and no other byte changed."""

import itertools
import json
import random
import re

import pytest

from streaming.wire.dialects import openai
from streaming.wire.profiles.openai import OpenAIProfile
from streaming.wire.sse import DONE

HEAD = '"id":"c1","object":"chat.completion.chunk","created":1,"model":"up"'
USAGE = (
    '{"prompt_tokens":5,"completion_tokens":%d,"total_tokens":%d,"completion_tokens_details":{"reasoning_tokens":0}}'
)
LAST = {
    "prompt_tokens": 5,
    "completion_tokens": 2,
    "total_tokens": 7,
    "completion_tokens_details": {"reasoning_tokens": 0},
}


def usage(tokens: int) -> str:
    return USAGE % (tokens, 5 + tokens)


def chunk(delta: str = "", *, end: bool = False, choice: str = "", rest: str = "") -> bytes:
    finish = '"stop"' if end else "null"
    choices = f'[{{"index":0,"delta":{{{delta}}},"finish_reason":{finish}{choice}}}]'
    return f'data: {{{HEAD},"choices":{choices}{rest}}}\n\n'.encode()


def with_usage(tokens: int) -> str:
    return f',"usage":{usage(tokens)}'


A, B = '"content":"a"', '"content":"b"'
NULL = ',"usage":null'
USAGE_CHUNK = f'data: {{{HEAD},"choices":[],"usage":{usage(2)}}}\n\n'.encode()
ZEROS = USAGE_CHUNK.replace(b":5", b":0").replace(b":2", b":0").replace(b":7", b":0")
PLAIN = [chunk(A), chunk(B), chunk(end=True)]
OPENAI = [chunk(A, rest=NULL), chunk(B, rest=NULL), chunk(end=True, rest=NULL)]
RUNNING = [chunk(A, rest=with_usage(1)), chunk(B, rest=with_usage(2)), chunk(end=True, rest=with_usage(2))]
AT_END = [chunk(A), chunk(B), chunk(end=True, rest=with_usage(2))]
IN_CHOICE = [chunk(A), chunk(B), chunk(end=True, choice=with_usage(2))]
GROQ = [chunk(A), chunk(B), chunk(end=True, rest=f',"x_groq":{{"id":"r"{with_usage(2)}}}')]
ALL_IN_ONE = [chunk(A + ',"role":"assistant"', end=True, rest=with_usage(2))]
MADE = [USAGE_CHUNK.replace(HEAD.encode(), b'"object":"chat.completion.chunk","id":"c1","created":1,"model":"up"')]

# What a provider sends → what gets a client that asked for nothing, for the usage, for the usage on every chunk too.
Chunks = list[bytes]
STREAMS: dict[str, tuple[Chunks, Chunks, Chunks, Chunks]] = {
    "OpenAI": ([*OPENAI, USAGE_CHUNK], OPENAI, [*OPENAI, USAGE_CHUNK], [*OPENAI, USAGE_CHUNK]),
    "Ark": ([*RUNNING, USAGE_CHUNK], PLAIN, [*PLAIN, USAGE_CHUNK], [*RUNNING, USAGE_CHUNK]),
    "StepFun": (RUNNING, PLAIN, [*PLAIN, *MADE], RUNNING),
    "DeepSeek": (AT_END, AT_END, AT_END, AT_END),
    "DeepSeek as documented": ([*AT_END, USAGE_CHUNK], AT_END, AT_END, [*AT_END, USAGE_CHUNK]),
    "Moonshot": (IN_CHOICE, IN_CHOICE, [*IN_CHOICE, *MADE], [*IN_CHOICE, *MADE]),
    "Groq of old": (GROQ, GROQ, [*GROQ, *MADE], [*GROQ, *MADE]),
    "none": (PLAIN, PLAIN, PLAIN, PLAIN),
    "one chunk": (
        ALL_IN_ONE,
        [ALL_IN_ONE[0].replace(with_usage(2).encode(), b"")],
        [ALL_IN_ONE[0].replace(with_usage(2).encode(), b""), *MADE],
        ALL_IN_ONE,
    ),
    "usage chunks all along": (
        [USAGE_CHUNK.replace(b'_tokens":2', b'_tokens":1'), *PLAIN, USAGE_CHUNK],
        PLAIN,
        [*PLAIN, USAGE_CHUNK],
        [*PLAIN, USAGE_CHUNK],
    ),
    "usage before the end": (
        [PLAIN[0], USAGE_CHUNK, *PLAIN[1:]],
        PLAIN,
        [*PLAIN, USAGE_CHUNK],
        [*PLAIN, USAGE_CHUNK],
    ),
    "after the end, in a chunk with a choice": (
        [*PLAIN, chunk(rest=with_usage(2))],
        [*PLAIN, chunk()],
        [*PLAIN, chunk(), *MADE],
        [*PLAIN, chunk(rest=with_usage(2))],
    ),
}
CASES = [
    pytest.param(sent, got, asked, id=f"{name}, asked for {asked or 'nothing'}")
    for name, (sent, *gots) in STREAMS.items()
    for asked, got in zip(("", "usage", "usage on chunks"), gots, strict=True)
]


def relayed(sent: bytes, asked: str, *, cuts: list[int] | None = None) -> bytes:
    decoder = openai.DIALECT.decoder(max_event_bytes=10_000)
    profile = OpenAIProfile(wants_usage=bool(asked), wants_chunk_usage=asked == "usage on chunks")
    places = [0, *(cuts or []), len(sent)]
    out = b""
    for start, end in itertools.pairwise(places):
        read = sent[start:end]
        if (quick := decoder.midway(read)) is not None:
            out += profile.midway(read, quick)
        else:
            out += b"".join([profile.chunk(piece.event, piece.chunk) for piece in decoder.feed(read)])
    assert decoder.fault is None
    return out + profile.done(finish_reason="stop", usage=decoder.usage)


def whole(chunks: Chunks) -> bytes:
    return b"".join(chunks) + DONE


def each_event(chunks: Chunks) -> list[int]:
    return [len(b"".join(chunks[:number])) for number in range(1, len(chunks) + 1)]


@pytest.mark.parametrize(("sent", "got", "asked"), CASES)
def test_client_gets_the_usage_that_it_asked_for(sent: Chunks, got: Chunks, asked: str) -> None:
    assert relayed(whole(sent), asked, cuts=each_event(sent)) == whole(got)


@pytest.mark.parametrize(("sent", "got", "asked"), CASES)
def test_usage_is_the_same_however_the_stream_is_cut(sent: Chunks, got: Chunks, asked: str) -> None:
    stream = whole(sent)
    at_random = random.Random(0)
    cuttings = [sorted(at_random.choices(range(len(stream)), k=9)) for _ in range(5)]

    assert {relayed(stream, asked, cuts=cuts) for cuts in [[], list(range(1, len(stream))), *cuttings]} == {whole(got)}


@pytest.mark.parametrize("asked", ["", "usage"])
@pytest.mark.parametrize("sent", [sent for sent, *_ in STREAMS.values()], ids=STREAMS)
def test_client_that_adds_up_all_usage_counts_right(sent: Chunks, asked: str) -> None:
    """As LangChain and pydantic-ai do."""
    payloads = [json.loads(line[6:]) for line in relayed(whole(sent), asked).split(b"\n\n")[:-2]]

    counted = [each["usage"] for each in payloads if each.get("usage")]

    assert sum(each["completion_tokens"] for each in counted) in ({2, 0} if not asked or sent == PLAIN else {2})
    assert all(each["total_tokens"] == 7 for each in counted)


def test_closing_zeros_are_not_counted() -> None:
    decoder = openai.DIALECT.decoder(max_event_bytes=10_000)

    decoder.feed(whole([*RUNNING, ZEROS]))

    assert decoder.usage is not None
    assert (decoder.usage.prompt_tokens, decoder.usage.completion_tokens) == (5, 2)


def test_usage_so_far_is_known_in_the_middle() -> None:
    decoder = openai.DIALECT.decoder(max_event_bytes=10_000)
    decoder.feed(RUNNING[0])
    counted = [decoder.usage]

    decoder.midway(RUNNING[1])
    counted.append(decoder.usage)

    assert [each and each.completion_tokens for each in counted] == [1, 2]


# --- Every other byte stays -------------------------------------------------------------------------------------------

U = usage(1)
CHOICES = '"choices":[{"index":0,"delta":{"content":"a"}}]'
NESTED = '"x":{"usage":{"completion_tokens":1}}'
# (the object, what is left of it)
OBJECTS = {
    "last": (f'{{{CHOICES},"usage":{U}}}', f"{{{CHOICES}}}"),
    "first": (f'{{"usage":{U},{CHOICES}}}', f"{{{CHOICES}}}"),
    "in the middle": (f'{{"id":1,"usage":{U},{CHOICES}}}', f'{{"id":1,{CHOICES}}}'),
    "spaces": (f'{{ "a" : 1 , "usage" : {U} , {CHOICES} }}', f'{{ "a" : 1  , {CHOICES} }}'),
    "spaces at the end": (f'{{{CHOICES}, "usage": {U}}} ', f"{{{CHOICES}}} "),
    "spaces at the beginning": (f'{{ "usage": {U}, {CHOICES}}}', f"{{ {CHOICES}}}"),
    "spaces within": (f'{{{CHOICES},"usage":{{ "completion_tokens" : 1 }}}}', f"{{{CHOICES}}}"),
    "one nested before": (f'{{{NESTED},{CHOICES},"usage":{U}}}', f"{{{NESTED},{CHOICES}}}"),
    "one nested after": (f'{{{CHOICES},"usage":{U},{NESTED}}}', f"{{{CHOICES},{NESTED}}}"),
    "the same nested after": (f'{{{CHOICES},"usage":{U},"x":{{"usage":{U}}}}}', f'{{{CHOICES},"x":{{"usage":{U}}}}}'),
    "the same nested before": (f'{{{CHOICES},"x":{{"usage":{U}}},"usage":{U}}}', f'{{{CHOICES},"x":{{"usage":{U}}}}}'),
    "nested ends alike": (
        '{"usage":{"a": 1},"choices":[{}],"x":{"b":1,"usage":{"a":2}}}',
        '{"choices":[{}],"x":{"b":1,"usage":{"a":2}}}',
    ),
    "in a text": (
        '{"choices":[{"delta":{"content":"\\"usage\\":{\\"completion_tokens\\":1}"}}],"usage":{"completion_tokens":1}}',
        '{"choices":[{"delta":{"content":"\\"usage\\":{\\"completion_tokens\\":1}"}}]}',
    ),
    "text that is the word": ('{"choices":[{"x":"usage"}],"usage":{}}', '{"choices":[{"x":"usage"}]}'),
    "text that begins with the word": (
        '{"choices":[{"x":"\\"usage"}],"usage":{"a":1},"y":"usage"}',
        '{"choices":[{"x":"\\"usage"}],"y":"usage"}',
    ),
    "name that ends with the word": ('{"\\"usage":{},"choices":[{}],"usage":{}}', '{"\\"usage":{},"choices":[{}]}'),
    "numbers past 64 bits": (
        f'{{"n":9007199254740993e3,{CHOICES},"usage":{U}}}',
        f'{{"n":9007199254740993e3,{CHOICES}}}',
    ),
    "Chinese": (f'{{"a":"河","usage":{U},{CHOICES}}}', f'{{"a":"河",{CHOICES}}}'),
    "escaped name": (f'{{"us\\u0061ge":{U},{CHOICES}}}', f"{{{CHOICES}}}"),
}


@pytest.mark.parametrize("name", ["data: ", "data:", "data:  ", "id: 7\ndata: "])
@pytest.mark.parametrize(("sent", "left"), OBJECTS.values(), ids=OBJECTS)
@pytest.mark.parametrize("is_midway", [True, False], ids=["midway", "at the beginning"])
def test_usage_is_cut_out_and_nothing_else(sent: str, left: str, name: str, is_midway: bool) -> None:
    begin = PLAIN[0] if is_midway else b""

    out = relayed(begin + f"{name}{sent}\n\n".encode(), "", cuts=[len(begin)])

    kept_name = name.removeprefix("id: 7\n")
    assert out == begin + f"{kept_name}{left}\n\n".encode() + DONE


def test_usage_is_cut_out_of_several_data_lines() -> None:
    sent = f'data: {{\ndata: {CHOICES},\ndata: "usage": {U}\ndata: }}\n\n'

    assert relayed(sent.encode(), "") == f"data: {{\ndata: {CHOICES}\ndata: }}\n\n".encode() + DONE


@pytest.mark.parametrize("line_end", ["\r\n", "\r", "\n"])
def test_line_ends_cost_no_cut(line_end: str) -> None:
    sent = whole([*RUNNING, USAGE_CHUNK]).replace(b"\n", line_end.encode())

    assert {relayed(sent, "", cuts=cuts) for cuts in ([], list(range(1, len(sent))))} == {whole(PLAIN)}


def test_events_of_one_read_lose_it_too() -> None:
    assert relayed(whole([*RUNNING, USAGE_CHUNK]), "") == whole(PLAIN)
    assert re.search(rb'"usage"', relayed(whole([*RUNNING, USAGE_CHUNK]), "")) is None
