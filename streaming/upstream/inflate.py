"""Decompression of a response body in bounded pieces. No I/O."""

import zlib

CODINGS = frozenset({b"gzip", b"x-gzip", b"deflate"})  # of Content-Encoding, in lower case

_MAX_PIECE_BYTES = 256 * 1024
_GZIP, _ZLIB, _RAW_DEFLATE = 31, 15, -15  # zlib's wbits


class Inflater:
    """Decodes one of CODINGS while the bytes arrive.

    However well the input is compressed, a piece is at most 256 KiB: the consumer decides when to take the next one.
    A gzip body may have several members; Django's GZipMiddleware makes each chunk of a stream a separate one.

    Raises: zlib.error from `next_piece` if the input is not in this coding.
    """

    def __init__(self, coding: bytes) -> None:
        self._is_gzip = coding != b"deflate"
        self._input = b""
        self._stream: zlib._Decompress | None = None
        self._may_hold_output = False

    @property
    def is_complete(self) -> bool:
        """True if the input ends where a compressed stream ends, or if there was no input."""
        return not self._input and (self._stream is None or self._stream.eof)

    def feed(self, read: bytes) -> None:
        self._input += read

    def next_piece(self) -> bytes:
        """Return the next decoded bytes; b"" if more input is needed."""
        while self._input or self._may_hold_output:
            if self._stream is None or self._stream.eof:
                self._stream = self._next_stream()
            piece = self._stream.decompress(self._input, _MAX_PIECE_BYTES)
            # A full piece may leave output inside zlib although all input is used up.
            self._may_hold_output = len(piece) == _MAX_PIECE_BYTES and not self._stream.eof
            self._input = self._stream.unconsumed_tail or self._stream.unused_data
            if piece:
                return piece
        return b""

    def _next_stream(self) -> "zlib._Decompress":
        if self._is_gzip:
            return zlib.decompressobj(_GZIP)
        # `deflate` means the zlib format (RFC 9110, 8.4.1.2), but some servers send it without zlib's header.
        has_zlib_header = self._input[0] & 0x0F == 8
        return zlib.decompressobj(_ZLIB if has_zlib_header else _RAW_DEFLATE)
