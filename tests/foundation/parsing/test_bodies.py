"""Request bodies as clients encode them."""

import time
import zlib

import pytest

from foundation.parsing.bodies import UnreadableBody, plain
from tests.packing import packed

TEXT = '{"text":"河口 é"}'
BODY = TEXT.encode()
LIMIT = 1000


def deflated(body: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-15)
    return compressor.compress(body) + compressor.flush()


@pytest.mark.parametrize(
    ("body", "coding", "charset"),
    [
        (BODY, "", ""),
        (BODY, "identity", "utf-8"),
        (BODY, "", "UTF8"),
        (BODY, "", "iso-8859-1"),  # many programs declare the wrong type
        (BODY, "", "no such charset"),
        (packed(BODY), "gzip", ""),
        (packed(BODY), "GZIP", ""),
        (packed(BODY), "x-gzip", ""),
        (packed(BODY), "", ""),
        (packed(BODY[:5]) + packed(BODY[5:]), "gzip", ""),
        (packed(BODY) + bytes(8), "gzip", ""),
        (packed(packed(BODY)), "gzip, gzip", ""),
        (packed(b"\xef\xbb\xbf" + BODY), "identity, gzip", ""),
        (zlib.compress(BODY), "deflate", ""),
        (deflated(BODY), "deflate", ""),
        (b"\xef\xbb\xbf" + BODY, "", ""),
        (TEXT.encode("utf-16"), "", ""),
        (TEXT.encode("utf-16-le"), "", ""),
        (TEXT.encode("utf-16-be"), "", "utf-16"),
        (b"\xfe\xff" + TEXT.encode("utf-16-be"), "", ""),
        (TEXT.encode("utf-32"), "", ""),
        (TEXT.replace("é", "").encode("gb18030"), "", "GBK"),
    ],
)
def test_body_is_read(body: bytes, coding: str, charset: str) -> None:
    read = plain(body, coding=coding, charset=charset, limit=LIMIT)

    assert read in (BODY, TEXT.replace("é", "").encode())


@pytest.mark.parametrize(
    ("body", "coding", "charset", "status", "header"),
    [
        (b"x", "br", "", 415, "Content-Encoding"),
        (b"x", "zstd", "", 415, "Content-Encoding"),
        (b"x", "gzip, compress", "", 415, "Content-Encoding"),
        (b"\x28\xb5\x2f\xfd\x00", "", "", 415, "Content-Encoding"),
        (BODY, "gzip", "", 400, "Content-Encoding"),
        (b"", "gzip", "", 400, "Content-Encoding"),
        (packed(BODY)[:-9], "gzip", "", 400, "Content-Encoding"),
        (packed(b"x" * (LIMIT + 1)), "gzip", "", 413, None),
        (packed(b"x" * LIMIT) + packed(b"x"), "gzip", "", 413, None),
        (packed(packed(b"x" * 10_000_000)), "gzip, gzip", "", 413, None),
        (b'{"text":"\xff"}', "", "no such charset", 415, "Content-Type"),
        (b'{"text":"\xff"}', "", "idna", 415, "Content-Type"),
        (b'{"text":"\xff"}', "", "gbk", 400, None),
    ],
)
def test_body_is_refused_naming_the_header(
    body: bytes, coding: str, charset: str, status: int, header: str | None
) -> None:
    with pytest.raises(UnreadableBody) as refusal:
        plain(body, coding=coding, charset=charset, limit=LIMIT)

    assert (refusal.value.status, refusal.value.header) == (status, header)
    assert header is None or header in refusal.value.message


@pytest.mark.parametrize("bomb", [packed(b"x" * 50_000_000), packed(b"") * 200_000])
def test_bomb_is_not_unpacked(bomb: bytes) -> None:
    began_at = time.process_time()

    with pytest.raises(UnreadableBody):
        plain(bomb, coding="gzip", limit=LIMIT)

    assert time.process_time() - began_at < 1


def test_not_utf8_is_left_to_the_json_parser() -> None:
    assert plain(b'{"text":"\xff"}', limit=LIMIT) == b'{"text":"\xff"}'
