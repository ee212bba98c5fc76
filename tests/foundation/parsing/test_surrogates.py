"""Halves of surrogate pairs in JSON."""

import pytest

from foundation.parsing import surrogates

HALVES = {
    rb'{"messages":[{"content":"a"},{"content":"b \ud83d"}]}': "messages[1].content",
    rb'{"a":"\uDE00"}': "a",
    rb'{"a":"\ude00\ud83d"}': "a",
    rb'{"a":"\ud83d\\ude00"}': "a",
    rb'{"a":"\\\ud83d"}': "a",
    rb'{"a":["x",{"b":{"c":["\ud83dx"]}}]}': "a[1].b.c[0]",
    rb'{"a":{"b\ud83d":1}}': "a.b\ufffd",
    b'{"a":"\xed\xa0\xbd"}': "a",
    rb'["\ud83d"]': "[0]",
    rb'"\ud83d"': "",
}
WHOLE = [
    rb'{"a":"\ud83d\ude00\uD83D\uDE00"}',
    rb'{"a":"\\ud83d"}',
    rb'{"a":"\\\\\\ud83d \u6cb3 \n \" \ud7ff \ue000"}',
    '{"a":"河口 😀"}'.encode(),
]


@pytest.mark.parametrize(("body", "place"), HALVES.items())
def test_half_is_found_at_its_place(body: bytes, place: str) -> None:
    assert surrogates.place_in(body) == place
    assert surrogates.may_be_in(body) or b"\xed" in body


@pytest.mark.parametrize("body", WHOLE)
def test_whole_characters_are_none(body: bytes) -> None:
    assert (surrogates.may_be_in(body), surrogates.place_in(body)) == (False, None)


@pytest.mark.parametrize("body", [rb"\ud83d", b'{"a":"\\', b"[" * 100_000 + rb"\ud83d", b"\xff"])
def test_what_is_no_json_has_no_place(body: bytes) -> None:
    assert surrogates.place_in(body) is None
