"""The Chinese catalogue: complete, compiled, and with the same placeholders."""

import ast
import gettext
import re
from pathlib import Path

CATALOGUE = Path(__file__).parents[2] / Path("config/locale/zh_Hans/LC_MESSAGES/django.po")
PLACEHOLDER = re.compile(r"%\(\w+\)s|%[sd]|\{\w+\}")
# A quoted text continues on the following lines.
ENTRY = re.compile(r'^(msgid|msgstr(?:\[0\])?) ((?:".*"\n)+)', re.MULTILINE)


def _texts() -> list[tuple[str, str, bool]]:
    """Each (English, Chinese, whether it depends on a number) of the source, without the header."""
    texts: list[tuple[str, str, bool]] = []
    english = ""
    for keyword, quoted in ENTRY.findall(CATALOGUE.read_text(encoding="utf-8") + "\n"):
        text = "".join(ast.literal_eval(line) for line in quoted.splitlines())
        if keyword == "msgid":
            english = text
        else:
            texts.append((english, text, keyword != "msgstr"))
    return [text for text in texts if text[0]]


def test_every_text_has_its_chinese() -> None:
    assert [english for english, chinese, _counts in _texts() if not chinese] == []
    assert "fuzzy" not in CATALOGUE.read_text(encoding="utf-8")


def test_placeholders_are_kept() -> None:
    texts = _texts()

    assert len(texts) > 200
    assert [
        english
        for english, chinese, _counts in texts
        if sorted(PLACEHOLDER.findall(english)) != sorted(PLACEHOLDER.findall(chinese))
    ] == []


def test_catalogue_is_compiled_as_it_stands() -> None:
    with CATALOGUE.with_suffix(".mo").open("rb") as compiled:
        catalogue = gettext.GNUTranslations(compiled)

    def compiled_text(english: str, counts: bool) -> str:
        return catalogue.ngettext(english, english, 1) if counts else catalogue.gettext(english)

    assert [english for english, chinese, counts in _texts() if compiled_text(english, counts) != chinese] == []
