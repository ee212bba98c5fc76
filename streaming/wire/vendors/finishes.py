"""Finish reasons that are more than an end: failures of the provider, and refusals to show what it has written."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from streaming.wire.vendors.meanings import OVERLOADED, TOO_LONG, Meaning


class Finish(NamedTuple):
    """`reason` is what clients get, in OpenAI's words; `fault` is what it means instead.

    A finish with both is a fault only as long as nothing has been delivered.
    """

    reason: str = ""
    fault: Meaning | None = None

    def fault_after(self, *, has_content: bool) -> Meaning | None:
        return self.fault if not (self.reason and has_content) else None


def renamed(payload: bytes, reasons: Sequence[str | None]) -> bytes:
    """A chunk, or a whole answer, with these finish reasons for its choices; all else as it came."""
    members = msgspec.json.decode(payload, type=dict[str, msgspec.Raw])
    choices = msgspec.json.decode(members["choices"], type=list[dict[str, object]])
    for choice, reason in zip(choices, reasons, strict=False):
        choice["finish_reason"] = reason
    return msgspec.json.encode({**members, "choices": choices})


FAILED = Finish(fault=OVERLOADED)
FILTERED = Finish("content_filter")
# The answer filled what the question had left of the context, and is as good as any other that was cut at a length.
# With no room for a first word, the question was too long.
CONTEXT_FULL = Finish("length", fault=TOO_LONG)
