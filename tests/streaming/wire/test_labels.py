"""What a body is, whatever its label says."""

import pytest

from streaming.wire import labels
from streaming.wire.labels import Form

FORMS: dict[bytes, Form | None] = {
    b"": None,
    b"\xef\xbb": None,
    b"\xef\xbb\xbf": None,
    b"\n\r\n": None,
    b": OPENROUTER PROCESS": None,
    b": OPENROUTER PROCESSING\n\n": None,
    b"data: {}\n\n": Form.EVENTS,
    b"d": Form.EVENTS,
    b"\xef\xbb\xbfdata: 1": Form.EVENTS,
    b"\r\n\r\n: a\r\n\r\nevent: x": Form.EVENTS,
    b"oops": Form.EVENTS,  # whatever it is, the parser finds nothing in it
    b'{"choices"': Form.JSON,
    b' \n\n{"choices"': Form.JSON,
    b"\xef\xbb\xbf[": Form.JSON,
    b'"Invalid token"': Form.JSON,
    b": a\n\n: b\n\n{": Form.JSON,
    b"<html>": Form.MARKUP,
    b"\n<!DOCTYPE html>": Form.MARKUP,
}


@pytest.mark.parametrize(("head", "form"), FORMS.items())
def test_form_is_told_by_the_first_bytes(head: bytes, form: Form | None) -> None:
    assert labels.form_of(head) is form


@pytest.mark.parametrize(
    ("body", "is_stream"),
    [
        (b"data: {}\n\n", True),
        (b"\xef\xbb\xbf\n: hello\n\nevent:x\ndata: {}\n\n", True),
        (b"id: 1\ndata: {}\n\n", True),
        (b'{"data": 1}', False),
        (b"data", False),
        (b"<html>data: 1</html>", False),
        (b"", False),
    ],
)
def test_whole_body_is_a_stream_if_it_begins_with_a_field(body: bytes, is_stream: bool) -> None:
    assert labels.is_stream(body) is is_stream


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b' \n{"a": 1}\n', b' \n{"a": 1}\n'),
        (b'\xef\xbb\xbf{"a": 1}', b'{"a": 1}'),
        (b': wait\n\n: wait\n\n{"a": 1}', b'{"a": 1}'),
    ],
)
def test_whole_body_loses_only_what_is_no_json(body: bytes, told: bytes) -> None:
    assert labels.told_by(body) == told
