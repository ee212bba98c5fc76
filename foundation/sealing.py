"""Secrets at rest: values that people type into the admin and the server must send later (URLs with tokens, keys).

Encrypted with `FIELD_ENCRYPTION_KEY`, like device ids: the newest key encrypts, any of them decrypts.
"""

from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings


class UnreadableError(ValueError):
    """Not encrypted with any of the keys in `FIELD_ENCRYPTION_KEY`."""


def seal(value: str) -> str:
    """The value, encrypted; an empty value stays empty."""
    return _fernet(tuple(settings.FIELD_ENCRYPTION_KEYS)).encrypt(value.encode()).decode() if value else ""


def unseal(sealed: str) -> str:
    """Raises: UnreadableError."""
    if not sealed:
        return ""
    try:
        return _fernet(tuple(settings.FIELD_ENCRYPTION_KEYS)).decrypt(sealed).decode()
    except InvalidToken as err:
        raise UnreadableError("not encrypted by any of the keys of FIELD_ENCRYPTION_KEY") from err


@lru_cache(maxsize=8)
def _fernet(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])
