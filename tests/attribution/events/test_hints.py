"""What phones and backends write into the fields that neither identify nor count."""

from typing import Any

import pytest

from attribution.events import hints

NUMBERS = {"0": "android", "1": "ios", "2": "harmony"}
# The field, what was sent, what is kept ("" nothing), and how the answer names it ("" not at all).
CASES: list[tuple[str, Any, str, str]] = [
    ("ip", "36.1.2.3", "36.1.2.3", ""),
    ("ip", "36.1.2.3, 10.0.0.1", "36.1.2.3", "read as 36.1.2.3"),
    ("ip", ["36.1.2.3", "10.0.0.1"], "36.1.2.3", "read as 36.1.2.3"),
    ("ip", "36.1.2.6:443", "36.1.2.6", "read as 36.1.2.6"),
    ("ip", " 36.1.2.6 ", "36.1.2.6", "read as 36.1.2.6"),
    ("ip", "[2408:8000::1]:443", "2408:8000::1", "read as 2408:8000::1"),
    ("ip", "2408:8000::1", "2408:8000::1", ""),
    ("ip", "fe80::1%wlan0", "fe80::1", "read as fe80::1"),
    ("ip", "::ffff:36.1.2.3", "36.1.2.3", "read as 36.1.2.3"),
    ("ip", "unknown", "", "'unknown' is not an IP address"),
    ("ip", "1.2.3", "", "'1.2.3' is not an IP address"),
    ("ip", "::", "", "'::' is not an IP address"),
    ("ip", "", "", ""),
    ("ip", None, "", ""),
    ("ip", 3232235777, "", "'3232235777' is not an IP address"),
    ("ip", [], "", "'[]' is not an IP address"),
    ("ip", {"v4": "36.1.2.3"}, "", "\"{'v4': '36.1.2.3'}\" is not an IP address"),
    ("user_agent", "x" * 1025, "x" * 1024, "cut to 1024 characters"),
    ("user_agent", ["Mozilla"], "", "not a text"),
    ("channel", "y" * 65, "y" * 64, "cut to 64 characters"),
    ("channel", "0", "0", ""),
    ("channel", 12, "12", ""),
    ("oaid", "z" * 129, "", "more than 128 characters"),
    ("oaid", "00000000-0000-0000-0000-000000000000", "", "'00000000-0000-0000-0000-000000000000' is a placeholder"),
    ("oaid", "__OAID__", "", "'__OAID__' is a placeholder"),
    ("oaid", "null", "", "'null' is a placeholder"),
    ("oaid", "a\x00b", "", "not a text"),
    ("imei", 867000000000001, "867000000000001", ""),
    ("imei", True, "", "not a text"),
    ("mac", "02:00:00:00:00:00", "", "'02:00:00:00:00:00' is a placeholder"),
    ("caid", "20230330_abc", "20230330_abc", ""),
    ("caid", [{"caid": "abc", "version": "20230330"}], '[{"caid": "abc", "version": "20230330"}]', ""),
    ("os", "Android", "android", ""),
    ("os", "iPhone OS", "ios", ""),
    ("os", "iPadOS", "ios", ""),
    ("os", "HarmonyOS NEXT", "harmony", ""),
    ("os", 2, "harmony", ""),
    ("os", "1", "ios", ""),
    ("os", "windows", "", "'windows' is not one of android, ios, harmony"),
    ("os", True, "", "'True' is not one of android, ios, harmony"),
]  # fmt: skip


@pytest.mark.parametrize(("field", "sent", "kept", "named"), CASES)
def test_hint_is_kept_mended_or_dropped(field: str, sent: Any, kept: str, named: str) -> None:
    found, ignored = hints.read({field: sent}, NUMBERS)

    assert found.get(field, "") == kept
    assert ignored == ({field: named} if named else {})


@pytest.mark.parametrize(
    ("ids", "system"),
    [({"idfv": "A"}, "ios"), ({"android_id": "b"}, "android"), ({"imei": "8"}, "android"), ({"oaid": "c"}, None)],
)
def test_system_is_clear_from_ids_that_only_its_phones_have(ids: dict[str, str], system: str | None) -> None:
    assert hints.read(ids, NUMBERS)[0].get("os") == system
