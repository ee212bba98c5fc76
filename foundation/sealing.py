"""Secrets at rest: what people type into the admin and the server must send again (addresses with tokens, keys).

Encrypted by `FIELD_ENCRYPTION_KEY`, like device ids: the newest key encrypts, all of them decrypt.
"""

from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings


class UnreadableError(ValueError):
    """Not encrypted by any of the keys of `FIELD_ENCRYPTION_KEY`."""


def seal(value: str) -> str:
    """The value, encrypted; nothing stays nothing."""
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
