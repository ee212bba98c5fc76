"""A request's body as plain UTF-8, however the client packed it.

- Compressed (`Content-Encoding`, RFC 9110 8.4): gzip and deflate are read; for others, 415 names what may be sent.
- In another charset: JSON is UTF-8 (RFC 8259 8.1), but .NET and PowerShell put a byte order mark before it or send
  UTF-16, and older Java and Windows programs send what they declare in `Content-Type`.
"""

import codecs
import json
import zlib

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest

READABLE_CODINGS = "gzip, deflate, identity"

_GZIP, _ZLIB, _RAW_DEFLATE = 31, 15, -15  # zlib's wbits
_GZIP_MARK, _ZSTD_MARK = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"  # no text begins like this
# Programs that compress chunk by chunk write several members. Each costs a copy of what follows, so millions of empty
# ones would keep a processor busy for minutes.
_MAX_GZIP_MEMBERS = 100
# As Python names them. Not every codec: those of domain names take time in the square of the length.
_CHARSETS = {
    "ascii", "utf-8", "gb2312", "gbk", "gb18030", "big5", "big5hkscs", "hz", "shift_jis", "cp932", "euc_jp", "euc_kr",
    "cp949", "iso8859-1", "iso8859-15", "cp1252", "cp1251", "koi8-r", "utf-16", "utf-16-le", "utf-16-be",
}  # fmt: skip


class UnreadableBody(Exception):  # noqa: N818  # the name of the subject, like the faults of chats
    """The client must send the body in another way. `header` is the one that is to blame, if one is."""

    def __init__(self, message: str, *, status: int, header: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.header = header


def read(request: HttpRequest) -> bytes:
    """The request's body in UTF-8, without a byte order mark; a JSON parser has still to check it.

    Raises: UnreadableBody 400, 413, 415.
    """
    try:
        body = request.body
    except RequestDataTooBig as err:
        raise too_large() from err
    coding = request.META.get("HTTP_CONTENT_ENCODING", "")
    charset = (request.content_params or {}).get("charset", "")
    return plain(body, coding=coding, charset=charset, limit=settings.DATA_UPLOAD_MAX_MEMORY_SIZE)


def too_large() -> UnreadableBody:
    return UnreadableBody(f"The body is larger than {settings.DATA_UPLOAD_MAX_MEMORY_SIZE} bytes.", status=413)


def plain(body: bytes, *, coding: str = "", charset: str = "", limit: int) -> bytes:
    """`limit`: of the decompressed bytes. Raises: UnreadableBody."""
    if coding or body.startswith((_GZIP_MARK, _ZSTD_MARK)):
        body = _decompressed(body, coding, limit)
    encoding = json.detect_encoding(body)
    if encoding == "utf-8-sig":
        return body[len(codecs.BOM_UTF8) :]
    if encoding != "utf-8":
        return _recoded(body, encoding)
    if charset and charset.lower() not in ("utf-8", "utf8") and not _is_utf8(body):
        return _recoded(body, _codec(charset))
    return body


def _decompressed(body: bytes, coding: str, limit: int) -> bytes:
    names = [name.strip().lower() for name in coding.split(",")]
    for name in reversed([name for name in names if name not in ("", "identity")]):
        body = _without(name, body, limit)
    # A coding that nobody declared.
    if body.startswith(_GZIP_MARK):
        return _without("gzip", body, limit)
    return _without("zstd", body, limit) if body.startswith(_ZSTD_MARK) else body


def _without(coding: str, body: bytes, limit: int) -> bytes:
    if coding not in ("gzip", "x-gzip", "deflate"):
        message = f"The body's Content-Encoding {coding[:50]!r} cannot be read here. Use one of: {READABLE_CODINGS}."
        raise UnreadableBody(message, status=415, header="Content-Encoding")
    try:
        return _inflated(body, _wbits(coding, body), limit)
    except zlib.error as err:
        message = f"The body is not {coding}, as its Content-Encoding says: {err}."
        raise UnreadableBody(message, status=400, header="Content-Encoding") from err


def _wbits(coding: str, body: bytes) -> int:
    if coding != "deflate":
        return _GZIP
    # `deflate` means the zlib format (RFC 9110 8.4.1.2), but some clients send it without zlib's header.
    return _ZLIB if body[:1] and body[0] & 0x0F == 8 else _RAW_DEFLATE


def _inflated(body: bytes, wbits: int, limit: int) -> bytes:
    """However well the body is compressed, no more than `limit` bytes are made of it. Raises: zlib.error."""
    inflated = b""
    for _member in range(_MAX_GZIP_MEMBERS):
        stream = zlib.decompressobj(wbits)
        inflated += stream.decompress(body, limit + 1 - len(inflated))
        if len(inflated) > limit:
            raise too_large()
        if not stream.eof:
            raise zlib.error("it breaks off")
        body = stream.unused_data
        if wbits != _GZIP or not body.startswith(_GZIP_MARK):  # what follows may be padding
            return inflated
    raise zlib.error("it has too many members")


def _is_utf8(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


def _codec(charset: str) -> str:
    try:
        name = codecs.lookup(charset).name
    except (LookupError, ValueError):
        name = ""
    if name not in _CHARSETS:
        message = f"The charset {charset[:50]!r} of the Content-Type is not known here. Send JSON in UTF-8."
        raise UnreadableBody(message, status=415, header="Content-Type")
    return name


def _recoded(body: bytes, encoding: str) -> bytes:
    """Half a surrogate pair passes, since the JSON parser can name its place."""
    errors = "surrogatepass" if encoding.startswith("utf-") else "strict"
    try:
        return body.decode(encoding, errors).removeprefix("\ufeff").encode("utf-8", "surrogatepass")
    except UnicodeDecodeError as err:
        message = f"The body is not text in {encoding}: {err.reason} at byte {err.start}. Send JSON in UTF-8."
        raise UnreadableBody(message, status=400) from err
