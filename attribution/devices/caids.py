"""CAIDs (中国广告协会互联网广告标识): a device may have several, one per version."""

import json
import re
from typing import Any
from urllib.parse import unquote

from attribution.devices.device_ids import is_absent, md5_of

MAX_CAIDS = 8

_ID_IN_TEXT = re.compile(r"\b[0-9a-fA-F]{32}\b")


def caid_md5s(value: str) -> set[str]:
    """The possible md5 forms of the ids in a CAID array, `[{"caid_md5": "…", "version": "20230330"}]`.

    Raw CAIDs are also 32 hex digits, so a bare one may be either form and counts as both. In broken JSON, anything that
    looks like an id is taken. Raises: ValueError if there is no id in it.
    """
    text = unquote(value) if "%" in value else value
    try:
        found = _caids_in(json.loads(text))
    except (ValueError, RecursionError):
        found = _caids_in(_ID_IN_TEXT.findall(text))
    if not found:
        raise ValueError("no CAID")
    return set(found[: 2 * MAX_CAIDS])


def _caids_in(node: Any) -> list[str]:
    """The md5 forms in parsed JSON: an array of objects, one object, an array of texts, a text."""
    if isinstance(node, list):
        return [md5 for item in node for md5 in _caids_in(item)]
    if isinstance(node, dict):
        return _given(node.get("caid_md5")) + [md5_of(caid) for caid in _given(node.get("caid"))]
    return [form for caid in _given(node) for form in (caid, md5_of(caid))]


def _given(caid: Any) -> list[str]:
    return [caid.lower()] if isinstance(caid, str) and not is_absent(caid) else []
