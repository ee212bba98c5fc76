"""Which members a refusal blames, in the words of many vendors."""

import json

import pytest

from streaming.wire.blame import blamed

OURS = ["stream_options", "stream_options.include_usage", "stream_options.chunk_include_usage", "seed"]
WHOLE, USAGE, CHUNK = "stream_options", "stream_options.include_usage", "stream_options.chunk_include_usage"


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ({"error": {"message": "Unknown parameter", "param": "stream_options"}}, {WHOLE}),
        ({"error": {"message": "Unrecognized request argument supplied: stream_options"}}, {WHOLE}),
        ({"object": "error", "message": "Extra inputs: stream_options is not permitted", "code": 400}, {WHOLE}),
        ({"message": "参数stream_options不支持"}, {WHOLE}),
        ({"code": 1210, "msg": "不支持参数“streamOptions”"}, {WHOLE}),
        ({"detail": [{"loc": ["body", "stream_options"], "msg": "extra fields not permitted"}]}, {WHOLE}),
        ({"detail": [{"loc": ["body", "stream_options", "include_usage"], "msg": "extra"}]}, {USAGE}),
        ({"detail": "stream options are not supported"}, {WHOLE}),
        ({"errors": ["stream-options: unknown"]}, {WHOLE}),
        ({"error": "'chunk_include_usage' is not one of the known options"}, {CHUNK}),
        ({"error": {"param": "stream_options.chunk_include_usage", "message": "unknown"}}, {CHUNK}),
        ([{"error": {"message": "seed: unknown"}}], {"seed"}),
        ({"error": {"fields": {"seed": "forbidden"}}}, {"seed"}),
        ("stream_options is unknown", {WHOLE}),
        # What says nothing of them:
        ({"error": {"message": "temperature must be at most 2", "param": "temperature"}}, set()),
        ({"error": {"message": "the stream_options2 and xstream_options, unseeded"}}, set()),
        ({"detail": [{"loc": ["body", "messages"], "input": {"stream_options": {"include_usage": True}}}]}, set()),
        ({"error": "bad", "request": {"stream_options": {}, "seed": 1}}, set()),
        ({}, set()),
    ],
)
def test_members_that_are_named_are_found(body: object, names: set[str]) -> None:
    assert blamed(json.dumps(body, ensure_ascii=False).encode(), OURS) == names


@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"[" * 10_000, b"<html>no</html>"])
def test_what_is_not_json_blames_nothing(body: bytes) -> None:
    assert blamed(body, OURS) == set()


def test_text_that_is_not_json_is_read_too() -> None:
    assert blamed(b"unknown field stream_options\n", OURS) == {WHOLE}
