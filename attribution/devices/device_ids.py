"""Device ids, which are personal data: which values are not ids at all, and how real ones are compared, kept and shown.

- Compared: as an HMAC of the **md5 form**, because a monitor link gives some ids raw and some as md5, and both lead to
  the md5. A plain hash of an id could be reversed by trying all ids; a keyed hash cannot, without the key.
- Kept, if they must be sent again: encrypted (Fernet).
- Shown: masked.

Rotation: `FIELD_ENCRYPTION_KEY` is a comma-separated list, newest first. The newest key encrypts and digests new
values; all keys decrypt and look up. An old key may be removed once nothing written with it is left: after the longest
retention (settings `*_RETENTION_DAYS`). If it is removed earlier, older rows stay, but their ids can be neither read
nor matched.
"""

import hashlib
import hmac
import re
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings

# Values that phones and SDKs send without an id. 9774d56d682e549c: the android id of a whole series with a broken ROM.
PLACEHOLDERS = {"", "unknown", "null", "none", "nil", "undefined", "n/a", "na", "9774d56d682e549c", "02:00:00:00:00:00"}
# The lengths of all-zero ids in the wild (IMEI 14 to 16, android id 16, UUID 32 and 36).
ZEROS = {"0" * length for length in (1, 8, 14, 15, 16, 32)} | {"00000000-0000-0000-0000-000000000000"}

# The fields that identify one device or person in requests and responses; a platform may have additional ones.
PERSONAL_FIELDS = frozenset(
    {
        "android_id",
        "androidid",
        "caid",
        "caid_md5",
        "idfa",
        "idfa_md5",
        "idfv",
        "imei",
        "imei_md5",
        "ip",
        "ipv6",
        "mac",
        "oaid",
        "oaid_md5",
        "ua",
        "user_agent",
    }
)

_OF_ZEROS = "0-:."
# Macros as the platforms write them: __OAID__, {oaid}, {{OAID}}, [OAID], $oaid$; two in one value: __A__ (__B__).
_UNREPLACED_MACRO = re.compile(r"__\w+__(?:\W+__\w+__)*\W?|\{\w+\}|\{\{\w+\}\}|\[[A-Za-z_]+\]|\$\w+\$")
_MD5 = re.compile(r"[0-9a-fA-F]{32}")


class DecryptionError(ValueError):
    """Not encrypted with any of the keys in `FIELD_ENCRYPTION_KEY`."""


def is_absent(value: str | None) -> bool:
    """Whether this is not an id: empty, a placeholder, zeros, the md5 of one of these, or an unreplaced macro.

    Thousands of phones share such values: taken as ids, they would match strangers.
    """
    word = (value or "").strip().lower()
    if word in _NOTHING:
        return True
    # Called for each of a click's forty parameters, so the cheap checks come first.
    return (word[0] in _OF_ZEROS and not word.strip(_OF_ZEROS)) or (
        word[0] in "_{[$" and _UNREPLACED_MACRO.fullmatch(word) is not None
    )


def is_md5(value: str) -> bool:
    return _MD5.fullmatch(value) is not None


def md5_of(value: str) -> str:
    """The md5 form of a raw id, in lower-case hex."""
    return hashlib.md5(value.encode(errors="surrogatepass"), usedforsecurity=False).hexdigest()


def possible_md5s(value: str) -> set[str]:
    """The md5 forms that an ad platform may have for an id given by an app.

    The platform may have hashed it in upper or lower case, without saying which; and some apps send the md5 themselves.
    """
    value = value.strip()
    forms = {md5_of(form) for form in (value, value.lower(), value.upper())}
    return forms | {value.lower()} if is_md5(value) else forms


def digest(value: str) -> bytes:
    """The 32 bytes under which a value is stored. Case and surrounding blanks don't count."""
    return _digest(_digest_keys(tuple(settings.FIELD_ENCRYPTION_KEYS))[0], value)


def possible_digests(value: str) -> list[bytes]:
    """The bytes under which a value may have been stored, newest key first, for look-ups to compare with."""
    return [_digest(key, value) for key in _digest_keys(tuple(settings.FIELD_ENCRYPTION_KEYS))]


def encrypt(value: str) -> str:
    return _fernet(tuple(settings.FIELD_ENCRYPTION_KEYS)).encrypt(value.encode(errors="surrogatepass")).decode()


def decrypt(token: str) -> str:
    """Raises: DecryptionError."""
    try:
        return _fernet(tuple(settings.FIELD_ENCRYPTION_KEYS)).decrypt(token).decode(errors="surrogatepass")
    except InvalidToken as err:
        raise DecryptionError("not encrypted by any of the keys of FIELD_ENCRYPTION_KEY") from err


def mask(value: str) -> str:
    """Enough to tell a user's ids apart, too little to use them: `89aaa371d65a588b` → `89…8b`."""
    if len(value) >= 12:
        return f"{value[:2]}…{value[-2:]}"
    return f"{value[:2]}…" if len(value) >= 6 else "…" * bool(value)


def mask_message(body: str | bytes, more_fields: frozenset[str] = frozenset()) -> str:
    """A request or response (JSON, or a URL with a query), with its `PERSONAL_FIELDS` and `more_fields` masked.

    Text that is not (complete) JSON otherwise stays unchanged.
    """
    text = body.decode(errors="replace") if isinstance(body, bytes) else body
    personal = _personal(more_fields)
    is_json = text.startswith(("{", "["))
    if "\\" not in text and not (personal.name if is_json else personal.name_in_text).search(text):
        return text  # most answers
    try:
        return msgspec.json.encode(_masked(msgspec.json.decode(text), personal.fields)).decode()
    except (msgspec.DecodeError, RecursionError):
        return personal.value.sub(_mask_found, text)


class _Personal(NamedTuple):
    """`fields`, and the patterns that find their names (in JSON, or in any text) and their values."""

    fields: frozenset[str]
    name: re.Pattern[str]
    name_in_text: re.Pattern[str]
    value: re.Pattern[str]


@lru_cache(maxsize=64)
def _personal(more_fields: frozenset[str]) -> _Personal:
    fields = PERSONAL_FIELDS | more_fields
    names = "|".join(sorted(fields))
    in_json, in_query = rf'"(?:{names})"\s*:', rf"(?:^|[?&])(?:{names})="
    return _Personal(
        fields,
        re.compile(in_json, re.IGNORECASE),
        re.compile(f"{in_json}|{in_query}", re.IGNORECASE),
        re.compile(rf'({in_json}\s*")((?:[^"\\]|\\.)*)|({in_query})([^&#\s]*)', re.IGNORECASE),
    )


def _mask_found(found: re.Match[str]) -> str:
    """Masks a match, whether in JSON or in a URL."""
    return found[1] + mask(found[2]) if found[1] else found[3] + mask(found[4])


def _masked(node: Any, fields: frozenset[str], is_personal: bool = False) -> Any:
    if isinstance(node, dict):
        return {name: _masked(child, fields, is_personal or name.lower() in fields) for name, child in node.items()}
    if isinstance(node, list):
        return [_masked(child, fields, is_personal) for child in node]
    return mask(str(node)) if is_personal and node else node


def _digest(key: bytes, value: str) -> bytes:
    return hmac.digest(key, value.strip().lower().encode(errors="surrogatepass"), "sha256")


@lru_cache(maxsize=8)
def _digest_keys(encryption_keys: tuple[str, ...]) -> list[bytes]:
    """Separate keys for digests, so that a digest never reveals anything about the encryption key."""
    return [hmac.digest(key.encode(), b"device id digest", "sha256") for key in encryption_keys]


@lru_cache(maxsize=8)
def _fernet(encryption_keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in encryption_keys])


_NOTHING = PLACEHOLDERS | {
    md5_of(form) for word in PLACEHOLDERS | ZEROS for form in (word, word.upper(), word.replace(":", ""))
}
