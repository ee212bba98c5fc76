"""The parser with the standard's own cases, cut in any way; the encoders with the parser."""

import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streaming.wire import sse
from streaming.wire.sse import Event, EventTooLarge, Parser

BOM = b"\xef\xbb\xbf"

# (stream, data of the events that it dispatches). From web-platform-tests, eventsource/format-*: its server appends
# the empty line, or with newline=none one LF; here it is written out.
PLATFORM_CASES = {
    "bom": (BOM + b"data:1\n\n" + BOM + b"data:2\n\ndata:3\n\n", [b"1", b"3"]),
    "bom-2": (BOM + BOM + b"data:1\n\ndata:2\n\ndata:3\n\n", [b"2", b"3"]),
    "comments": (
        b"data:1\r:\0\n:\r\ndata:2\n:" + b"x" * 2048 + b"\rdata:3\n:data:fail\r:" + b"x" * 2048 + b"\ndata:4\n\n",
        [b"1\n2\n3\n4"],
    ),
    "data-before-final-empty-line": (b"retry:1000\ndata:test1\n\nid:test\ndata:test2\n", [b"test1"]),
    "field-data": (b"data:\n\ndata\ndata\n\ndata:test\n\n", [b"", b"\n", b"test"]),
    "field-parsing": (
        b"data:\0\ndata:  2\rData:1\ndata\0:2\ndata:1\r\0data:4\n"
        b"da-ta:3\rdata_5\ndata:3\rdata:\r\n data:32\ndata:4\n\n",
        [b"\0\n 2\n1\n3\n\n4"],
    ),
    "field-retry": (b"retry:3000\ndata:x\n\n", [b"x"]),
    "field-retry-bogus": (b"retry:2000\nretry:1000x\ndata:x\n\n", [b"x"]),
    "field-retry-empty": (b"retry\ndata:test\n\n", [b"test"]),
    "field-unknown": (
        b"data:test\n data\ndata\nfoobar:xxx\njustsometext\n:thisisacommentyay\ndata:test\n\n",
        [b"test\n\ntest"],
    ),
    "leading-space": (b"data:\ttest\rdata: \ndata:test\n\n", [b"\ttest\n\ntest"]),
    "newlines": (b"data:test\r\ndata\ndata:test\r\n\r\n", [b"test\n\ntest"]),
    "null-character": (b"data:\0\n\n\n\n", [b"\0"]),
    "utf-8": ("data:ok…\n\n".encode(), ["ok…".encode()]),
    "event-data": (
        b"data:msg\ndata: msg\n\n:\nfalsefield:msg\n\nfalsefield:msg\nData:data\n\ndata\n\ndata:end\n\n",
        [b"msg\nmsg", b"", b"end"],
    ),
}

# (stream, (type, data, last event id) of each event). Cases that are about more than the data.
FIELD_CASES = {
    "type of one event only": (b"event:test\ndata:x\n\ndata:x\n\n", [(b"test", b"x", b""), (b"message", b"x", b"")]),
    "empty type": (b"event: \ndata:data\n\n", [(b"message", b"data", b"")]),
    "last type wins": (b"event:a\nevent: b\ndata\n\n", [(b"b", b"", b"")]),
    "type without data is forgotten": (b"event:test\n\ndata:x\n\n", [(b"message", b"x", b"")]),
    "id is sticky": (b"id: 1\ndata:a\n\ndata:b\n\n", [(b"message", b"a", b"1"), (b"message", b"b", b"1")]),
    "id changes and persists": (
        b"id: 1\ndata:a\n\nid:2\ndata:b\n\ndata:c\n\n",
        [(b"message", b"a", b"1"), (b"message", b"b", b"2"), (b"message", b"c", b"2")],
    ),
    "id without data stays": (b"id:1\n\ndata:a\n\n", [(b"message", b"a", b"1")]),
    "empty id resets": (b"id:1\ndata:a\n\nid\ndata:b\n\n", [(b"message", b"a", b"1"), (b"message", b"b", b"")]),
    "id with NUL is ignored": (
        b"id:1\ndata:a\n\nid:\0\0\ndata:b\n\n",
        [(b"message", b"a", b"1"), (b"message", b"b", b"1")],
    ),
    "names are case-sensitive": (b"DATA:a\nEvent:b\nID:c\n\ndata:d\n\n", [(b"message", b"d", b"")]),
}

# Where other parsers went wrong: (stream, data of its events).
TRAPS = {
    "CR only": (b"data: a\r\rdata: b\r\r", [b"a", b"b"]),
    "line ends of Unicode, VT and FF end no line": (
        "data: a\u2028b\u2029c\u0085d\x0be\x0cf\x1cg\n\n".encode(),
        ["a\u2028b\u2029c\u0085d\x0be\x0cf\x1cg".encode()],
    ),
    "no space after the colon (Kimi)": (b'data:{"a":1}\n\n', [b'{"a":1}']),
    "only one space is removed": (b"data:  a\n\n", [b" a"]),
    "a lone comment dispatches nothing": (b": OPENROUTER PROCESSING\n\n: OPENROUTER PROCESSING\n\ndata: a\n\n", [b"a"]),
    "a comment with a single LF before the event": (b": hb\n: hb\ndata: a\n\n", [b"a"]),
    "empty data as keep-alive": (b"data:\n\ndata: a\n\n", [b"", b"a"]),
    "colons in the value": (b"data: a: b:c\n\n", [b"a: b:c"]),
    "bytes that are not UTF-8": (b"data: \xff\xe4\xbd\n\n", [b"\xff\xe4\xbd"]),
    "BOM after a line end is part of a name": (b"\n" + BOM + b"data:1\n\ndata:2\n\n", [b"2"]),
    "BOM and nothing": (BOM, []),
    "half a BOM is part of a name": (BOM[:2] + b"data:1\n\ndata:2\n\n", [b"2"]),
    "many empty lines": (b"\n\n\r\n\rdata:a\n\n\n\n\n\ndata:b\n\n\n", [b"a", b"b"]),
    "no line end at all": (b"data: a", []),
}

DATA_CASES = PLATFORM_CASES | TRAPS


def feed_all(parser: Parser, reads: list[bytes]) -> list[Event]:
    return [event for read in reads for event in parser.feed(read)]


def bytewise(stream: bytes) -> list[bytes]:
    return [stream[i : i + 1] for i in range(len(stream))]


@pytest.mark.parametrize(("stream", "expected"), DATA_CASES.values(), ids=DATA_CASES)
@pytest.mark.parametrize("cut", [lambda stream: [stream], bytewise], ids=["whole", "bytewise"])
def test_data_case(cut: Callable[[bytes], list[bytes]], stream: bytes, expected: list[bytes]) -> None:
    events = feed_all(Parser(), cut(stream))

    assert [event.data for event in events] == expected


@pytest.mark.parametrize(("stream", "expected"), FIELD_CASES.values(), ids=FIELD_CASES)
@pytest.mark.parametrize("cut", [lambda stream: [stream], bytewise], ids=["whole", "bytewise"])
def test_field_case(
    cut: Callable[[bytes], list[bytes]], stream: bytes, expected: list[tuple[bytes, bytes, bytes]]
) -> None:
    events = feed_all(Parser(), cut(stream))

    assert [(event.event, event.data, event.id) for event in events] == expected


def test_read_of_one_whole_event_passes_uncopied() -> None:
    parser = Parser()
    parser.feed(b"data: first\n\n")
    read = b'data: {"choices":[]}\n\n'

    [event] = parser.feed(read)

    assert event == Event(data=b'{"choices":[]}', event=b"message", id=b"", block=read)
    assert b"".join([event.block]) is read


@pytest.mark.parametrize(
    ("stream", "passed_on"),
    [
        (b"data: a\n\ndata:b\n\n", b"data: a\n\ndata:b\n\n"),
        (b"event: x\nid: 7\nretry: 1\ndata: a\ndata: b\n\n", b"event: x\nid: 7\nretry: 1\ndata: a\ndata: b\n\n"),
        (b"data: a\r\n\r\ndata: b\r\r", b"data: a\n\ndata: b\n\n"),
        (b": hb\ndata: a\n: hb\n\n: hb\n\nretry: 1\n\nevent: x\n\n", b"data: a\n\n"),
        (BOM + b"\n\n\ndata: a\n\n\n", b"data: a\n\n"),
    ],
    ids=["unchanged", "all fields", "LF ends", "without comments and events of no data", "without empty lines"],
)
def test_blocks_joined_are_what_passes_on(stream: bytes, passed_on: bytes) -> None:
    whole = feed_all(Parser(), [stream])
    cut = feed_all(Parser(), bytewise(stream))

    assert b"".join([event.block for event in whole]) == passed_on
    assert cut == whole


def test_cr_at_the_end_of_a_read_does_not_hold_the_event_back() -> None:
    parser = Parser()

    events = [parser.feed(read) for read in (b"data: a\r\n\r", b"\ndata: b\r", b"\r", b"data: c\r\r", b"\ndata: d\n\n")]

    assert [[event.data for event in of_read] for of_read in events] == [[b"a"], [], [b"b"], [b"c"], [b"d"]]


@pytest.mark.parametrize(
    ("stream", "unfinished"),
    [
        (b"", b""),
        (b"data: a\n\n", b""),
        (BOM, b""),
        (b"data: a\n\n\n: hb\n: h", b""),
        (b"data: a\n\ndata: [DONE]\n", b"data: [DONE]"),
        (b'{"error":{"message":"quota"}}', b'{"error":{"message":"quota"}}'),
        (b"data: a\r\n\r\nid: 1\r\n: hb\r\ndata: b", b"id: 1\ndata: b"),
    ],
)
def test_close_tells_what_was_unfinished(stream: bytes, unfinished: bytes) -> None:
    parser = Parser()
    parser.feed(stream)

    remainder = parser.close()

    assert remainder == unfinished


@pytest.mark.parametrize(
    "reads",
    [[b"data: 345678\n\n"], [b"\ndata: 345678\n\n"], bytewise(b"data: 345678\n\n")],
    ids=["whole", "with an empty line", "bytewise"],
)
@pytest.mark.parametrize(
    "first", [b"", b"data: a\n\n", b"data: a\n\n\n"], ids=["at the start", "between events", "after an empty line"]
)
def test_event_over_the_limit_is_refused(first: bytes, reads: list[bytes]) -> None:
    fitting, too_small = Parser(max_event_bytes=12), Parser(max_event_bytes=11)
    feed_all(fitting, bytewise(first))
    feed_all(too_small, bytewise(first))

    events = feed_all(fitting, reads)

    assert [event.data for event in events] == [b"345678"]
    with pytest.raises(EventTooLarge, match="11 bytes"):
        feed_all(too_small, reads)


def test_empty_read_between_cr_and_lf_changes_nothing() -> None:
    events = feed_all(Parser(), [b"data: a\r", b"", b"\ndata: b\n\n"])

    assert [event.data for event in events] == [b"a\nb"]


def test_event_that_never_ends_is_refused() -> None:
    parser = Parser(max_event_bytes=1000)

    feed_all(parser, [b"data: x\n"] * 125 + [b":"])
    with pytest.raises(EventTooLarge):
        feed_all(parser, [b":"])


@pytest.mark.parametrize(
    "write",
    [
        lambda size: b"data: " + b"x" * size,
        lambda size: b"data: x\n" * (size // 8),
        lambda size: b": hb\r\n" * (size // 6),
    ],
    ids=["one line", "many lines", "comments"],
)
def test_event_read_byte_by_byte_takes_linear_time(write: Callable[[int], bytes]) -> None:
    def seconds_for(size: int) -> float:
        reads, parser = bytewise(write(size) + b"\ndata: end\n\n"), Parser()
        with _untraced():
            began_at = time.process_time()
            events = feed_all(parser, reads)
            took_s = time.process_time() - began_at
        assert events[-1].data.endswith(b"end")
        return took_s

    # Eight times the bytes: eight times the CPU, where a quadratic parser takes 64 times as much.
    assert seconds_for(400_000) < 24 * seconds_for(50_000)


@contextmanager
def _untraced() -> Iterator[None]:
    """Without coverage's tracing, which takes thirty times as long as the code that is timed here."""
    trace = sys.gettrace()
    sys.settrace(None)
    try:
        yield
    finally:
        sys.settrace(trace)


def standard_events(stream: bytes) -> list[tuple[bytes, bytes, bytes]]:
    """The standard's algorithm, word for word and on a whole stream: what the fast parser has to agree with."""
    events = []
    data, event, last_id = b"", b"", b""
    *lines, _unfinished = re.split(rb"\r\n|\r|\n", stream.removeprefix(BOM))
    for line in lines:
        field, colon, value = line.partition(b":")
        if not line:
            if data:
                events.append((event or b"message", data.removesuffix(b"\n"), last_id))
            data, event = b"", b""
        elif field == b"data":
            data += (value.removeprefix(b" ") if colon else b"") + b"\n"
        elif field == b"event":
            event = value.removeprefix(b" ")
        elif field == b"id" and b"\0" not in value:
            last_id = value.removeprefix(b" ")
    return events


NAMES = [b"data", b"event", b"id", b"retry", BOM, BOM[:1], BOM[1:], b"\0", b"x", "流".encode()]
SIGNS = [b":", b": ", b" ", b"\n", b"\r", b"\r\n", b"\n\n", b"\r\r", b"\r\n\r\n", b""]
EVENTS = [
    b"data: x\n\n",
    b"data:y\n\n",
    b"data: a\rb\n\n",
    b"event: e\ndata: z\n\n",
    b"id: 1\ndata: i\n\n",
    b": hb\n\n",
]
# Cuttings that matter: between events (a whole event per read is the usual case), inside line ends, anywhere.
whole_events = st.lists(st.sampled_from(EVENTS), min_size=1, max_size=3).map(b"".join)
pieces = st.lists(st.sampled_from(NAMES + SIGNS), max_size=6).map(b"".join)
readings = st.lists(whole_events | st.sampled_from(EVENTS) | pieces | st.sampled_from(SIGNS), max_size=30)


@given(readings)
def test_any_stream_in_any_cutting_is_read_as_the_standard_has_it(reads: list[bytes]) -> None:
    events = feed_all(Parser(), reads)

    assert [(event.event, event.data, event.id) for event in events] == standard_events(b"".join(reads))
    assert events == feed_all(Parser(), bytewise(b"".join(reads)))


@given(readings)
def test_blocks_passed_on_mean_the_same_to_the_next_reader(reads: list[bytes]) -> None:
    events = feed_all(Parser(), reads)

    # Between two events, as a relay passes them on: at its very start, a line that begins with a BOM would lose it.
    reader = Parser()
    reader.feed(b"data: before\n\n")
    passed_on = reader.feed(b"".join([event.block for event in events]))

    # The id of a block without data is not passed on, so it is left out of the comparison.
    assert [(event.event, event.data, event.block) for event in passed_on] == [
        (event.event, event.data, event.block) for event in events
    ]


@given(readings, st.integers(1, 24))
def test_cutting_does_not_decide_about_too_large(reads: list[bytes], max_event_bytes: int) -> None:
    def is_refused(reads: list[bytes]) -> bool:
        try:
            feed_all(Parser(max_event_bytes=max_event_bytes), reads)
        except EventTooLarge:
            return True
        return False

    refused = is_refused(reads)

    assert refused == is_refused([b"".join(reads)]) == is_refused(bytewise(b"".join(reads)))


@pytest.mark.parametrize(
    ("event_data", "payloads"),
    [
        (b'{"a":1}', [b'{"a":1}']),
        (b"[DONE]", [b"[DONE]"]),
        (b'{"a":1}\n{"b":2}\n[DONE]', [b'{"a":1}', b'{"b":2}', b"[DONE]"]),
        (b'{"a":\n1}', [b'{"a":\n1}']),
        (b'{"a":1}\n\n\xff', [b'{"a":1}', b"\xff"]),
        (b"", [b""]),
    ],
)
def test_payloads_of_an_event(event_data: bytes, payloads: list[bytes]) -> None:
    assert sse.payloads(event_data) == payloads


def test_openai_profile_on_the_wire() -> None:
    written = sse.encode_data(b'{"a":1}') + sse.OPENAI_HEARTBEAT + sse.encode_data(b"a\nb") + sse.DONE

    assert written == b'data: {"a":1}\n\n: hb\ndata: a\ndata: b\n\ndata: [DONE]\n\n'


def test_app_profile_on_the_wire() -> None:
    written = sse.encode_event(7, b"delta", b'{"text":"x"}') + sse.APP_HEARTBEAT

    assert written == b'id: 7\nevent: delta\ndata: {"text":"x"}\n\n: hb\n\n'


@given(st.lists(st.binary() | st.text().map(str.encode) | st.sampled_from([b"\n", b"a\r\nb", b"a\r", b" x"])))
def test_encoded_events_are_read_back(payloads: list[bytes]) -> None:
    written = b"".join(sse.encode_event(seq, b"delta", payload) for seq, payload in enumerate(payloads))

    events = Parser().feed(written)

    assert [(event.id, event.event, event.data) for event in events] == [
        (b"%d" % seq, b"delta", re.sub(rb"\r\n|\r", b"\n", payload)) for seq, payload in enumerate(payloads)
    ]
