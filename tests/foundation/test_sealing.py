import pytest
from cryptography.fernet import Fernet
from pytest_django import Settings

from foundation import sealing


def test_sealed_text_comes_back_and_does_not_show(settings: Settings) -> None:
    sealed = sealing.seal("https://open.feishu.cn/hook/窑")

    assert "hook" not in sealed
    assert sealing.unseal(sealed) == "https://open.feishu.cn/hook/窑"
    assert (sealing.seal(""), sealing.unseal("")) == ("", "")


def test_older_keys_read_and_the_newest_writes(settings: Settings) -> None:
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    settings.FIELD_ENCRYPTION_KEYS = [old]
    sealed = sealing.seal("secret")

    settings.FIELD_ENCRYPTION_KEYS = [new, old]
    assert sealing.unseal(sealed) == "secret"
    assert Fernet(new).decrypt(sealing.seal("secret")) == b"secret"

    settings.FIELD_ENCRYPTION_KEYS = [new]
    with pytest.raises(sealing.UnreadableError):
        sealing.unseal(sealed)
