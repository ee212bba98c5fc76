"""Server-sent events on bytes: a parser without I/O, and the encoders of both wire profiles.

The rules are those of https://html.spec.whatwg.org/multipage/server-sent-events.html (section 9.2.6, read 2026-11-23).
Nothing is decoded: events pass through a relay, and UTF-8 keeps LF, CR and the colon out of its multi-byte characters.

The parser does not know what a vendor puts into `data` (see `dialects/`), nor who reads the events (see `profiles/`).
"""

import msgspec

DEFAULT_MAX_EVENT_BYTES = 8 * 1024 * 1024

DONE = b"data: [DONE]\n\n"
# One LF, not two: `: hb\n\n` crashes openai-python after an `id:` and openai-go < 3.43 always.
OPENAI_HEARTBEAT = b": hb\n"
APP_HEARTBEAT = b": hb\n\n"

_BOM = b"\xef\xbb\xbf"
_DEFAULT_TYPE = b"message"


class EventTooLarge(Exception):  # noqa: N818 - says what is wrong with the event, as upstream.BodyTooLarge does
    """One event is longer than the parser's limit; the rest of the stream cannot be read."""

    def __init__(self, max_event_bytes: int) -> None:
        super().__init__(f"an event is longer than {max_event_bytes} bytes")
        self.max_event_bytes = max_event_bytes


class Event(msgspec.Struct, frozen=True, gc=False):
    """One dispatched event.

    `data` is the values of its data fields joined by LF; `id` is the last event id of the stream, which is sticky.
    `block` is the event as passed on to another reader: its field lines unchanged and the closing empty line, with line
    ends turned into LF and without comments, which are meant for one hop only.
    """

    data: bytes
    event: bytes
    id: bytes
    block: bytes


class Parser:
    """Turns the reads of one stream into events, in linear time however the stream is cut into reads.

    The joined blocks of one call are the bytes to send on; for the usual read, which is one whole event, the join is
    the read itself, not copied. Comments, keep-alives and blocks without data yield no event, so a read that returns []
    only shows that the other side is alive.
    """

    __slots__ = ("_after_cr", "_is_between_events", "_is_started", "_last_id", "_max_event_bytes", "_unfinished")

    def __init__(self, *, max_event_bytes: int = DEFAULT_MAX_EVENT_BYTES) -> None:
        self._max_event_bytes = max_event_bytes
        self._unfinished = bytearray()
        self._last_id = b""
        self._is_started = False  # past the place where a BOM may be
        self._after_cr = False  # the last read ended in CR: an LF that follows belongs to it
        self._is_between_events = False  # no state except the id, as the short path requires

    def feed(self, read: bytes) -> list[Event]:
        """Return the events that end in this read, in order.

        Raises: EventTooLarge.
        """
        data = self.only_data(read)
        if data is not None:
            return [Event(data, _DEFAULT_TYPE, self._last_id, read)]
        return self._feed_any(read)

    def only_data(self, read: bytes) -> bytes | None:
        """Return the data of a read that is exactly one event of one data line, as nearly every read is.

        None for any other read, which belongs to `feed`. This skips every step that such a read does not need, and
        creates no event; `13 in` (CR) is six times cheaper than `b"\\r" in`.
        """
        if self._is_between_events:  # no state except the id
            line, _, rest = read.partition(b"\n")
            if rest == b"\n" and line[:5] == b"data:" and 13 not in line and len(line) <= self._max_event_bytes:
                return line[6:] if line[5:6] == b" " else line[5:]
        return None

    def unfinished_event(self) -> Event | None:
        """The event that lacks only its empty line, as some gateways leave their last one."""
        return self._event_of(bytes(self._unfinished))

    def close(self) -> bytes:
        """Return the unfinished event that the end of the stream discards; b"" after a clean end."""
        lines = bytes(self._unfinished).split(b"\n")
        return b"\n".join(line for line in lines if line and not line.startswith(b":"))

    def _feed_any(self, read: bytes) -> list[Event]:
        if not self._is_started:
            read = self._without_bom(read)
        read = self._with_lf_ends(read)
        unfinished = self._unfinished
        # Search only the new bytes, and the last old one, which may be the first half of an empty line.
        searched = max(len(unfinished) - 1, 0)
        unfinished += read
        end = unfinished.rfind(b"\n\n", searched)
        blocks = bytes(unfinished[:end]).split(b"\n\n") if end >= 0 else []
        del unfinished[: end + 2 if end >= 0 else 0]
        if unfinished.startswith(b"\n"):
            del unfinished[:1]  # an empty line that ends no event
        if len(unfinished) > self._max_event_bytes + 1:  # + 1: the LF of its last line
            raise EventTooLarge(self._max_event_bytes)
        self._is_between_events = self._is_started and not self._after_cr and not unfinished
        return [event for block in blocks if (event := self._event_of(block)) is not None]

    def _without_bom(self, read: bytes) -> bytes:
        head = bytes(self._unfinished) + read
        self._unfinished.clear()
        if len(head) < len(_BOM) and _BOM.startswith(head):
            self._unfinished += head
            return b""
        self._is_started = True
        return head.removeprefix(_BOM)

    def _with_lf_ends(self, read: bytes) -> bytes:
        """Turn CRLF and CR into LF, so that the rest knows one line end.

        A CR at the end of a read ends its line at once (waiting would delay the event); an LF at the start of the next
        read is then the second half of that line end and is dropped.
        """
        if not read:
            return read
        ends_in_cr = read.endswith(b"\r")
        if self._after_cr:
            read = read.removeprefix(b"\n")
        self._after_cr = ends_in_cr
        if b"\r" in read:
            return read.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        return read

    def _event_of(self, block: bytes) -> Event | None:
        """Interpret the lines between two empty lines; None if they dispatch nothing."""
        block = block.strip(b"\n")
        if len(block) > self._max_event_bytes:
            raise EventTooLarge(self._max_event_bytes)
        if block[:6] == b"data: " and 10 not in block:  # 10: LF
            return Event(block[6:], _DEFAULT_TYPE, self._last_id, block + b"\n\n")
        values: list[bytes] = []
        lines: list[bytes] = []
        event = b""
        for line in block.split(b"\n"):
            name, _, value = line.partition(b":")
            if not name:
                continue  # a comment
            lines.append(line)
            value = value.removeprefix(b" ")
            if name == b"data":
                values.append(value)
            elif name == b"event":
                event = value
            elif name == b"id" and b"\0" not in value:
                self._last_id = value
            # `retry` is ignored: it is for readers that reconnect by themselves, and nobody repeats a POST.
        if not values:
            return None
        return Event(b"\n".join(values), event or _DEFAULT_TYPE, self._last_id, b"\n".join(lines) + b"\n\n")


def bare_event(payload: bytes) -> Event:
    """An event that is nothing but this data."""
    return Event(payload, _DEFAULT_TYPE, b"", encode_data(payload))


def payloads(event_data: bytes) -> list[bytes]:
    r"""Return the payloads in one event's data: the data itself, or its lines.

    Some vendors separate their events by a single LF, which the standard reads as one event of several lines: if data
    of several lines is not JSON, its lines are the payloads. `b'{"a":1}\n{"b":2}'` gives two, `b'{"a":\n1}'` one.
    """
    if b"\n" not in event_data or is_json(event_data):
        return [event_data]
    return [line for line in event_data.split(b"\n") if line]


def is_json(text: bytes) -> bool:
    """Whether this is one JSON value, and all of it."""
    try:
        msgspec.json.decode(text)
    except (ValueError, RecursionError):  # msgspec.DecodeError, or bytes that are not UTF-8
        return False
    return True


def encode_data(payload: bytes) -> bytes:
    """Return an event of the OpenAI profile, which has data and nothing else."""
    return b"data: %b\n\n" % _as_field_value(payload)


def encode_event(seq: int, event: bytes, payload: bytes) -> bytes:
    """Return an event of the app profile; `seq` is its id, from which a client may resume."""
    return b"id: %d\nevent: %b\ndata: %b\n\n" % (seq, event, _as_field_value(payload))


def _as_field_value(payload: bytes) -> bytes:
    """Give every line of the payload its own data field; JSON encoders write a single line."""
    if b"\r" in payload:
        payload = payload.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    if b"\n" in payload:
        payload = payload.replace(b"\n", b"\ndata: ")
    return payload
