import json

import pytest
from cryptography.fernet import Fernet
from pytest_django import Settings

from attribution.devices import device_ids

OAID = "5f3d8c1e-7b2a-4d9f-8e6c-1a2b3c4d5e6f"


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        "  ",
        "0",
        "000000000000000",
        "0000000000000000",
        "00000000-0000-0000-0000-000000000000",
        "00:00:00:00:00:00",
        "02:00:00:00:00:00",
        "0.0.0.0",  # noqa: S104  # an address of nobody
        "9774d56d682e549c",
        "9774D56D682E549C",
        "unknown",
        "NULL",
        "__OAID__",
        "__android_id__",
        # md5 of nothing, of a zero IDFA, of a zero IMEI
        "d41d8cd98f00b204e9800998ecf8427e",
        "9f89c84a559f573636a47ff8daed0d33",
        "5284047F4FFB4E04824A2FD1D1F0CD62",
    ],
)
def test_is_absent_of_placeholders(value: str | None) -> None:
    assert device_ids.is_absent(value)


@pytest.mark.parametrize("value", [OAID, "89aaa371d65a588b", "0100000000000000", "10.0.0.1", "_x_", "-1", "::1"])
def test_is_absent_of_ids(value: str) -> None:
    assert not device_ids.is_absent(value)


def test_digest_ignores_case_and_blanks() -> None:
    digest = device_ids.digest(OAID)

    assert (len(digest), device_ids.digest(f" {OAID.upper()} ")) == (32, digest)
    assert device_ids.digest(OAID[:-1]) != digest


def test_digest_depends_on_the_key(settings: Settings) -> None:
    before = device_ids.digest(OAID)

    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]

    assert device_ids.digest(OAID) != before


def test_possible_digests_after_rotation(settings: Settings) -> None:
    old_key, new_key = (Fernet.generate_key().decode() for _ in range(2))
    settings.FIELD_ENCRYPTION_KEYS = [old_key]
    old_digest = device_ids.digest(OAID)

    settings.FIELD_ENCRYPTION_KEYS = [new_key, old_key]

    assert device_ids.possible_digests(OAID) == [device_ids.digest(OAID), old_digest]
    assert device_ids.digest(OAID) != old_digest


def test_possible_md5s_of_a_raw_id() -> None:
    forms = device_ids.possible_md5s("aB")

    assert forms == {device_ids.md5_of("aB"), device_ids.md5_of("ab"), device_ids.md5_of("AB")}


def test_possible_md5s_of_an_md5() -> None:
    md5 = device_ids.md5_of("868027010000000").upper()

    assert md5.lower() in device_ids.possible_md5s(md5)


def test_md5_of_is_the_platforms_md5() -> None:
    assert device_ids.md5_of("89aaa371d65a588b") == "0b606c9b0a1856be5c9595dcb0d0dde3"


@pytest.mark.parametrize("value", ["", OAID, "学习助手", "\ud800"])
def test_decrypt_what_was_encrypted(value: str) -> None:
    token = device_ids.encrypt(value)

    assert device_ids.decrypt(token) == value
    assert not value or value not in token


def test_decrypt_after_rotation(settings: Settings) -> None:
    old_key, new_key = (Fernet.generate_key().decode() for _ in range(2))
    settings.FIELD_ENCRYPTION_KEYS = [old_key]
    token = device_ids.encrypt(OAID)

    settings.FIELD_ENCRYPTION_KEYS = [new_key, old_key]

    assert device_ids.decrypt(token) == OAID


def test_decrypt_without_its_key(settings: Settings) -> None:
    token = device_ids.encrypt(OAID)
    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]

    with pytest.raises(device_ids.DecryptionError, match="FIELD_ENCRYPTION_KEY") as raised:
        device_ids.decrypt(token)

    assert token not in str(raised.value)


@pytest.mark.parametrize(
    ("value", "masked"),
    [
        ("", ""),
        ("abc", "…"),
        ("abaca12312", "ab…"),
        ("89aaa371d65a588b", "89…8b"),
        (OAID, "5f…6f"),
        ("203.0.113.7", "20…"),
    ],
)
def test_mask(value: str, masked: str) -> None:
    assert device_ids.mask(value) == masked


def test_mask_message_of_a_report() -> None:
    body = json.dumps(
        {
            "event_type": "active_pay",
            "context": {
                "ad": {"callback": "B.abcdefghijklmnop"},
                "device": {"platform": "android", "android_id": "89aaa371d65a588b", "IMEI": "", "ip": None},
            },
            "caid": [{"caid": "0123456789abcdef", "version": "20230330"}],
            "project_id": 7384520193847263251,
            "message": "成功",
        }
    )

    masked = device_ids.mask_message(body.encode())

    assert json.loads(masked) == {
        "event_type": "active_pay",
        "context": {
            "ad": {"callback": "B.abcdefghijklmnop"},
            "device": {"platform": "android", "android_id": "89…8b", "IMEI": "", "ip": None},
        },
        "caid": [{"caid": "01…ef", "version": "20…"}],
        "project_id": 7384520193847263251,
        "message": "成功",
    }
    assert "成功" in masked


@pytest.mark.parametrize(
    ("body", "masked"),
    [
        ("<html>502</html>", "<html>502</html>"),
        ('{"android_id": "89aaa371d65a588b", "oaid":"5f3d8c1e-7b2a', '{"android_id": "89…8b", "oaid":"5f…2a'),
        (b'\xff{"IDFV":"89aaa371d65a588b"', '\ufffd{"IDFV":"89…8b"'),
        (
            "https://ads.example/cb?OAID=5f3d8c1e-7b2a&event=1&caid=#x&idfa=not%20a%20parameter",
            "https://ads.example/cb?OAID=5f…2a&event=1&caid=#x&idfa=no…er",
        ),
        ("oaid=5f3d8c1e-7b2a&x=1", "oaid=5f…2a&x=1"),
    ],
)
def test_mask_message_that_is_not_json(body: str | bytes, masked: str) -> None:
    assert device_ids.mask_message(body) == masked


def test_mask_message_knows_the_platforms_own_names() -> None:
    body = '{"adv_idfv": "89aaa371d65a588b"}'

    assert device_ids.mask_message(body) == body
    assert device_ids.mask_message(body, frozenset({"adv_idfv"})) == '{"adv_idfv":"89…8b"}'
