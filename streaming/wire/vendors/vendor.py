"""The door to vendors: what a table says of one. Names no vendor."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import translate
from functools import cached_property

from streaming.wire.vendors.finishes import Finish
from streaming.wire.vendors.meanings import Meaning

Codes = Mapping[str, Meaning]
Wordings = Sequence[tuple[str, Meaning]]


@dataclass(frozen=True, kw_only=True, eq=False)
class Vendor:
    """One vendor's words.

    A base URL is this vendor's if its host is one of `hosts`, or below one of them. `names` are what else operators
    call it in a provider's short name, beside its slug in `CHAT_VENDORS`.

    `codes`: as the vendor writes them; upper case and underlines do not count, a code covers its dotted extensions
    (`Throttling` also `Throttling.RateQuota`), and `*` stands for anything. `statuses` differ from what they mean
    elsewhere. `wordings` are patterns (any case) for texts of errors without a telling code. `finishes` are the finish
    reasons of its own.
    """

    label: str
    hosts: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    key_header: str = "authorization"  # which has the scheme Bearer; any other has the bare key
    codes: Codes = field(default_factory=dict)
    statuses: Mapping[int, Meaning] = field(default_factory=dict)
    wordings: Wordings = ()
    finishes: Mapping[str, Finish] = field(default_factory=dict)

    def meaning_of_code(self, code: str) -> Meaning | None:
        plain = plainly(code)
        while plain:
            if plain in self._plain_codes:
                return self._plain_codes[plain]
            plain, _, _ = plain.rpartition(".")
        return next((meaning for pattern, meaning in self._code_patterns if pattern.match(plainly(code))), None)

    def meaning_of_text(self, text: str) -> Meaning | None:
        return next((meaning for pattern, meaning in self._text_patterns if pattern.search(text)), None)

    def finish(self, reason: str) -> Finish | None:
        return self._plain_finishes.get(plainly(reason))

    @cached_property
    def _plain_codes(self) -> Codes:
        return {plainly(code): meaning for code, meaning in self.codes.items() if "*" not in code}

    @cached_property
    def _code_patterns(self) -> list[tuple[re.Pattern[str], Meaning]]:
        globs = [(code, meaning) for code, meaning in self.codes.items() if "*" in code]
        return [(re.compile(translate(plainly(code))), meaning) for code, meaning in globs]

    @cached_property
    def _text_patterns(self) -> list[tuple[re.Pattern[str], Meaning]]:
        return [(re.compile(pattern, re.IGNORECASE), meaning) for pattern, meaning in self.wordings]

    @cached_property
    def _plain_finishes(self) -> dict[str, Finish]:
        return {plainly(reason): finish for reason, finish in self.finishes.items()}


def plainly(word: str) -> str:
    """`DataInspectionFailed` and `data_inspection_failed` are one code: DashScope writes both."""
    return word.casefold().replace("_", "").replace("-", "").replace(" ", "")
