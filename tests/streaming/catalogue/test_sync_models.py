"""`manage.py sync_models`: providers, models, routes and prices from a file."""

from decimal import Decimal
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from streaming.models import Route

FILE = """
[providers.ark]
base_url = "https://ark.example/api/v3"
api_key_env = "ARK_API_KEY"
[models.doubao]
routes = [{ provider = "ark", model = "doubao-pro", %s }, { provider = "ark", model = "doubao-lite" }]
"""


def sync(folder: Path, prices: str) -> None:
    file = folder / "models.toml"
    file.write_text(FILE % prices)
    call_command("sync_models", str(file))


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
