"""`manage.py sync_models`: providers, models, routes and prices from a file."""

from decimal import Decimal
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from streaming.catalogue import catalogue
from streaming.models import ChatModel, Provider, Route

FILE = """
[providers.ark]
base_url = "https://ark.example/api/v3"
api_key_env = "ARK_API_KEY"
[models.doubao]
routes = [{ provider = "ark", model = "doubao-pro", %s }, { provider = "ark", model = "doubao-lite" }]
"""
# Every word of the format, in the order in which a person writes.
WHOLE = """
[providers.ark]
base_url = "https://ark.example/api/v3"
api_key_env = "ARK_API_KEY"
dialect = "ark"
vendor = "ark"
proxy_env = "LLM_PROXY"
headers = { "X-Project-Name" = "app" }
send_stream_options = false
first_content_timeout_s = 60
[models.doubao]
balance = "weighted"
first_content_timeout_s = 120
idle_timeout_s = 90
total_timeout_s = 1800.5
[[models.doubao.routes]]
provider = "ark"
model = "doubao-pro"
weight = 3
rpm = 600
tpm = 100000
tpm_ramp_percent = 20
default_params = { temperature = 0.7, thinking = { type = "disabled" } }
drop_params = ["seed"]
connect_timeout_s = 2
[[models.doubao.routes]]
provider = "local"
model = "qwen"
[providers.local]
base_url = "http://my_vllm:8000/v1"
"""
PLAIN = """
[providers.ark]
base_url = "https://ark.example/api/v3"
[models.doubao]
routes = [{ provider = "ark", model = "doubao-pro" }]
"""


def write_and_sync(folder: Path, text: str) -> None:
    file = folder / "models.toml"
    file.write_text(text, encoding="utf-8")
    call_command("sync_models", str(file))


def sync(folder: Path, prices: str) -> None:
    write_and_sync(folder, FILE % prices)


@pytest.mark.django_db
def test_every_word_of_the_file_reaches_the_catalogue(tmp_path: Path) -> None:
    write_and_sync(tmp_path, WHOLE)

    model = catalogue.read().models["doubao"]
    first, second = model.routes
    assert (model.is_weighted, first.dialect, first.proxy_env, first.weight) == (True, "ark", "LLM_PROXY", 3)
    assert (first.headers, first.send_stream_options) == ({"X-Project-Name": "app"}, False)
    assert {name: bytes(value) for name, value in first.default_params.items()} == {
        "temperature": b"0.7",
        "thinking": b'{"type":"disabled"}',
    }
    assert first.drop_params == {"seed"}
    assert first.limits is not None
    assert (first.limits.rpm, first.limits.tpm, first.limits.tpm_ramp_percent) == (600, 100000, 20)
    times = first.timeouts
    assert (times.connect_s, times.first_content_s, times.idle_s, times.total_s) == (2, 120, 90, 1800.5)
    assert (second.base_url, second.api_key_env, second.weight, second.limits) == (
        "http://my_vllm:8000/v1", "", 1, None,
    )  # fmt: skip


@pytest.mark.django_db
def test_what_the_file_leaves_out_gets_its_default_again(tmp_path: Path) -> None:
    write_and_sync(tmp_path, WHOLE)

    write_and_sync(tmp_path, PLAIN)

    provider, model, route = Provider.objects.get(slug="ark"), ChatModel.objects.get(), Route.objects.get()
    assert (provider.api_key_env, provider.dialect, provider.vendor, provider.proxy_env) == ("", "openai", "", "")
    assert (provider.headers, provider.send_stream_options, provider.first_content_timeout_s) == ({}, True, None)
    assert (model.balance, model.idle_timeout_s) == ("ordered", None)
    assert (route.weight, route.rpm, route.default_params, route.drop_params) == (1, None, {}, [])


@pytest.mark.django_db
def test_routes_are_replaced_with_their_prices(tmp_path: Path) -> None:
    sync(tmp_path, "prompt_price = 9, completion_price = 9")

    sync(tmp_path, "prompt_price = 0.8, cached_price = 0.16, completion_price = 2")

    prices = Route.objects.order_by("position").values_list("prompt_price", "cached_price", "completion_price")
    assert list(prices) == [(Decimal("0.8"), Decimal("0.16"), Decimal(2)), (None, None, None)]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("prices", "problem"),
    [
        ('prompt_price = "cheap"', "prompt_price must be a number in CNY per million tokens, not 'cheap'"),
        ("prompt_price = true", "prompt_price must be a number"),
        ("prompt_price = -1", "prompt_price: Ensure this value is greater than or equal to 0"),
        ("prompt_price = nan", "prompt_price"),
        ("price = 1", "unknown price"),
    ],
)
def test_wrong_price_is_named_and_changes_nothing(tmp_path: Path, prices: str, problem: str) -> None:
    with pytest.raises(CommandError, match=problem):
        sync(tmp_path, prices)

    assert Route.objects.count() == 0


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("said", "instead", "problem"),
    [
        ("[providers.local]", "[provider.local]", "the file: unknown provider; did you mean providers?"),
        ("proxy_env", "proxy", "[providers.ark]: unknown proxy; did you mean proxy_env?"),
        ("headers", "header", "[providers.ark]: unknown header; did you mean headers?"),
        ("idle_timeout_s", "idle_timeout", "[models.doubao]: unknown idle_timeout; did you mean idle_timeout_s?"),
        ("balance", "balancing", "[models.doubao]: unknown balancing; did you mean balance?"),
        ("weight =", "wieght =", "[models.doubao] routes[0]: unknown wieght; did you mean weight?"),
        ("rpm =", "rmp =", "[models.doubao] routes[0]: unknown rmp; did you mean rpm?"),
        ("drop_params", "dropped_params", "unknown dropped_params; did you mean drop_params?"),
        ('"weighted"', '"weigthed"', "[models.doubao]: balance: 'weigthed' is unknown; did you mean weighted?"),
        ('dialect = "ark"', 'dialect = "arc"', "[providers.ark]: dialect: 'arc' is unknown; did you mean ark?"),
        ('provider = "local"', 'provider = "locla"', "routes[1]: provider 'locla' is neither in the file nor in"),
        ("weight = 3", 'weight = "3"', "[models.doubao] routes[0]: weight must be a whole number, not '3'"),
        ("weight = 3", "weight = 1.5", "weight must be a whole number, not 1.5"),
        ("weight = 3", "weight = true", "weight must be a whole number, not True"),
        ("weight = 3", "weight = -1", "[models.doubao] routes[0]: weight: Ensure this value"),
        ("rpm = 600", "rpm = 0", "[models.doubao] routes[0]: rpm: Ensure this value"),
        ("options = false", 'options = "no"', "send_stream_options must be true or false, not 'no'"),
        ('{ "X-Project-Name" = "app" }', '"X"', "[providers.ark]: headers must be a table, not 'X'"),
        ('"X-Project-Name" =', '"Authorization" =', "[providers.ark]: headers: Authorization: a key belongs"),
        ('["seed"]', '"seed"', "drop_params must be a list, not 'seed'"),
        ("= 1800.5", "= -1", "[models.doubao]: total_timeout_s: A number of seconds"),
        ("= 1800.5", "= nan", "[models.doubao]: total_timeout_s: A number of seconds"),
        ("= 1800.5", '= "1h"', "total_timeout_s must be a number of seconds, not '1h'"),
        ("http://my_vllm:8000/v1", "my_vllm:8000/v1", "[providers.local]: base_url: It begins with https://"),
        ('"LLM_PROXY"', '"http://proxy"', "[providers.ark]: proxy_env: The name of an environment variable"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(tmp_path: Path, said: str, instead: str, problem: str) -> None:
    assert said in WHOLE

    with pytest.raises(CommandError) as caught:
        write_and_sync(tmp_path, WHOLE.replace(said, instead, 1))

    assert problem in str(caught.value)
    assert not Provider.objects.exists()


EVERYTHING = """
[providers.ark]
base_url = "https://ark.cn-beijing.volces.com/api/v3"
api_key_env = "ARK_API_KEY"
dialect = "ark"
[models.doubao]
balance = "ordered"
first_content_timeout_s = 120
[[models.doubao.routes]]
provider = "ark"
model = "doubao-1-5-pro-32k-250115"
weight = 3
rpm = 600
tpm = 100000
default_params = { temperature = 0.7 }
drop_params = ["seed"]
prices = [
    { valid_from = "2026-01-01", max_prompt_tokens = 32768, max_completion_tokens = 200, prompt = 0.8, completion = 2 },
    { valid_from = 2026-07-01, prompt = 1, cached = 0.16, completion = 2 },
]
[[models.doubao.routes]]
provider = "deepseek"
model = "deepseek-chat"
[providers.deepseek]
base_url = "https://api.deepseek.com/v1"
api_key_env = "DEEPSEEK_API_KEY"
dialect = "openai"
"""


@pytest.mark.django_db
def test_prices_may_be_rules(tmp_path: Path) -> None:
    write_and_sync(tmp_path, EVERYTHING)

    [ark, deepseek] = Route.objects.order_by("position")
    assert [rule["valid_from"] for rule in ark.prices] == ["2026-01-01", "2026-07-01"]
    assert (ark.prices[0]["prompt"], ark.rpm, ark.weight) == ("0.8", 600, 3)
    assert (deepseek.provider.slug, deepseek.prices) == ("deepseek", [])


@pytest.mark.django_db
def test_wrong_rule_names_its_place(tmp_path: Path) -> None:
    without_completion = EVERYTHING.replace(", prompt = 0.8, completion = 2", ", prompt = 0.8")

    with pytest.raises(CommandError, match=r"routes\[0\]: prices: rule 1: completion missing"):
        write_and_sync(tmp_path, without_completion)
