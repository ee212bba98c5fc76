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
    ("ip", "10.20.0.1, 36.1.2.3", "36.1.2.3", "read as 36.1.2.3"),
    ("ip", "unknown, 36.1.2.3", "36.1.2.3", "read as 36.1.2.3"),
    ("ip", "36.1.2.3; 10.0.0.1", "36.1.2.3", "read as 36.1.2.3"),
    ("ip", "[2408:8000::1]", "2408:8000::1", "read as 2408:8000::1"),
    ("ip", "192.168.1.2", "192.168.1.2", ""),
    ("ip", "36.1.2.300", "", "'36.1.2.300' is not an IP address"),
    ("ip", "__IP__", "", "'__IP__' is not an IP address"),
    ("ip", "36.1.2.3," * 5000, "36.1.2.3", "read as 36.1.2.3"),
    ("ip", "\ud800", "", "'\\ud800' is not an IP address"),
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
    ("user_agent", "Dalvik\ud800", "", "not a text"),
    ("user_agent", "  ", "", ""),
    ("user_agent", "[FBAN/FBIOS;FBDV/iPhone12,1]", "[FBAN/FBIOS;FBDV/iPhone12,1]", ""),
    ("user_agent", "null", "", "'null' is a placeholder"),
    ("channel", "a\x00b", "", "not a text"),
    ("channel", "\udfff", "", "not a text"),
    ("channel", "undefined", "", "'undefined' is a placeholder"),
    ("channel", "__CHANNEL__", "", "'__CHANNEL__' is a placeholder"),
    ("channel", "y" * 65, "y" * 64, "cut to 64 characters"),
    ("channel", "0", "0", ""),
    ("channel", 12, "12", ""),
    ("oaid", "z" * 129, "", "more than 128 characters"),
    ("oaid", "00000000-0000-0000-0000-000000000000", "", "'00000000-0000-0000-0000-000000000000' is a placeholder"),
    ("oaid", "__OAID__", "", "'__OAID__' is a placeholder"),
    ("oaid", "null", "", "'null' is a placeholder"),
    ("oaid", "a\x00b", "", "not a text"),
    ("imei", 867000000000001, "867000000000001", ""),
    ("imei", 8.67e14, "867000000000000", ""),
    ("imei", "867000000000001,867000000000002", "867000000000001", "only the first one is used"),
    ("imei", ["867000000000001", "867000000000002"], "867000000000001", "only the first one is used"),
    ("imei", "000000000000000, 867000000000002", "867000000000002", "only the first one is used"),
    ("imei", 1e400, "", "not a text"),
    ("imei", True, "", "not a text"),
    ("mac", "02:00:00:00:00:00", "", "'02:00:00:00:00:00' is a placeholder"),
    ("caid", "20230330_abc", "20230330_abc", ""),
    ("caid", [{"caid": "abc", "version": "20230330"}], '[{"caid": "abc", "version": "20230330"}]', ""),
    ("caid", {"20230330": "abc"}, '{"20230330": "abc"}', ""),
    ("caid", "20230330_abc,20260506_def", "20230330_abc,20260506_def", ""),
    ("caid", [], "", "'[]' is a placeholder"),
    ("caid", "[]", "", "'[]' is a placeholder"),
    ("caid", {"version": "20230330"}, "", "'{\"version\": \"20230330\"}' is a placeholder"),
    ("caid", "c" * 1025, "", "more than 1024 characters"),
    ("os", "Android", "android", ""),
    ("os", "Android 13", "android", ""),
    ("os", "iOS 17.1.2", "ios", ""),
    ("os", 1.0, "ios", ""),
    ("os", 3, "", "'3' is not one of android, ios, harmony"),
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


@pytest.mark.parametrize(
    ("sent", "kept", "named"),
    [
        ({"pay_amount": 5}, {"pay_amount": 5}, ""),
        ({"path": r"C:\u0000"}, {"path": r"C:\u0000"}, ""),
        ({}, {}, ""),
        (None, None, ""),
        ("", None, ""),
        ('{"level": 3}', {"level": 3}, "read as JSON"),
        ("level 3", None, "not an object"),
        ("[1]", None, "not an object"),
        ([1], None, "not an object"),
        (7, None, "not an object"),
        ({"text": "x" * 9000}, None, "more than 8192 bytes as JSON"),
        ({"text": "a\x00b"}, None, "not JSON that can be stored"),
        ({"a\x00b": 1}, None, "not JSON that can be stored"),
        ({"text": "\ud800"}, None, "not JSON that can be stored"),
    ],
)
def test_properties_are_kept_mended_or_dropped(sent: Any, kept: Any, named: str) -> None:
    assert hints.properties(sent) == (kept, named)
