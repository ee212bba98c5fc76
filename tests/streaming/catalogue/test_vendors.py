"""Which error table is used: the chosen one, else by host, else by slug, else the dialect's, else the general one."""

from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from streaming.catalogue import vendors
from streaming.models import Provider

NOWHERE = "http://127.0.0.1:9/v1"

# (chosen, base URL, slug, dialect, label of the vendor)
CASES = {
    "chosen": ("moonshot", "https://api.deepseek.com/v1", "zhipu", "openai", "Moonshot"),
    "chosen general": ("general", "https://api.deepseek.com/v1", "zhipu", "openai", "General"),
    "chosen, but gone": ("latin", "https://api.deepseek.com/v1", "zhipu", "openai", "DeepSeek"),
    "host": ("", "https://api.deepseek.com/v1", "zhipu", "openai", "DeepSeek"),
    "host itself": ("", "https://openrouter.ai/api/v1", "x", "openai", "OpenRouter"),
    "host in capitals": ("", "https://API.Moonshot.CN/v1", "x", "openai", "Moonshot"),
    "host with a dot at its end": ("", "https://api.moonshot.ai./v1", "x", "openai", "Moonshot"),
    "host with port and user": ("", "https://u:p@open.bigmodel.cn:443/api/paas/v4", "x", "openai", "Zhipu"),
    "host of Azure": ("", "https://mine.openai.azure.com/openai/v1", "openai", "openai", "Azure OpenAI"),
    "host of DashScope abroad": (
        "",
        "https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
        "x",
        "openai",
        "DashScope",
    ),
    "host that only ends alike": ("", "https://notdeepseek.com/v1", "x", "openai", "General"),
    "host that only begins alike": ("", "https://api.openai.com.example/v1", "x", "openai", "General"),
    "vendor in the path": ("", "https://gateway.example/openai.com/v1", "x", "openai", "General"),
    "slug": ("", NOWHERE, "siliconflow", "openai", "SiliconFlow"),
    "another name": ("", NOWHERE, "kimi", "openai", "Moonshot"),
    "word of the slug": ("", NOWHERE, "team-a_GLM", "openai", "Zhipu"),
    "part of a word": ("", NOWHERE, "stepping", "openai", "General"),
    "dialect of one vendor": ("", NOWHERE, "x", "ark", "Ark"),
    "dialect of all": ("", NOWHERE, "x", "openai", "General"),
    "nothing": ("", "", "", "", "General"),
    "port that is none": ("", "https://api.deepseek.com:99999/v1", "x", "openai", "DeepSeek"),
    "port of letters": ("", "http://x:port/v1", "minimax", "openai", "MiniMax"),
    "half an IPv6 address": ("", "http://[::1/v1", "minimax", "openai", "MiniMax"),
    "IPv6": ("", "http://[::1]:8000/v1", "x", "openai", "General"),
    "no URL": ("", "not a url", "x", "openai", "General"),
}


@pytest.mark.parametrize(("vendor", "base_url", "slug", "dialect", "label"), CASES.values(), ids=CASES)
def test_vendor_is_known(vendor: str, base_url: str, slug: str, dialect: str, label: str) -> None:
    assert vendors.of(vendor=vendor, base_url=base_url, slug=slug, dialect=dialect).label == label


def test_no_two_vendors_share_a_host_or_a_name(settings: Settings) -> None:
    known = [
        (kind, word)
        for slug, path in settings.CHAT_VENDORS.items()
        for table in [vendors.of(vendor=slug, base_url="", slug="", dialect="")]
        for kind, words in (("host", table.hosts), ("name", (slug, *table.names)))
        for word in words
    ]

    assert sorted(known) == sorted(set(known))


FILE = """
[providers.p]
base_url = "http://127.0.0.1:9/v1"
api_key_env = "P_API_KEY"
vendor = "%s"
"""


@pytest.mark.django_db
def test_file_names_the_vendor(tmp_path: Path) -> None:
    file = tmp_path / "models.toml"
    file.write_text(FILE % "qianfan")

    call_command("sync_models", str(file))

    assert Provider.objects.get().vendor == "qianfan"


@pytest.mark.django_db
def test_unknown_vendor_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "models.toml"
    file.write_text(FILE % "latin")

    with pytest.raises(CommandError, match=r"vendor: .*latin"):
        call_command("sync_models", str(file))

    assert not Provider.objects.exists()
