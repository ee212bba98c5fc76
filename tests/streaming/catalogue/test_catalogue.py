"""Which models are served, and by which routes."""

from dataclasses import replace

import pytest
from pytest_django import DjangoAssertNumQueries, Settings

from streaming.catalogue import catalogue
from streaming.catalogue.catalogue import ServedModel, ServedRoute
from streaming.models import ChatModel, Provider, Route
from streaming.wire.vendors import general
from streaming.wire.vendors.china import ark


@pytest.fixture(autouse=True)
def environment(settings: Settings) -> None:
    settings.ARK_MODELS = {"doubao": "doubao-1-5-pro-32k-250115", "deep": "deepseek-v3"}
    settings.ARK_BASE_URL = "https://ark.example/api/v3"
    settings.CHAT_DEFAULT_MODEL = ""


def add_route(model: ChatModel, position: int, slug: str, dialect: str = "openai") -> None:
    provider, _ = Provider.objects.get_or_create(
        slug=slug, defaults={"base_url": f"https://{slug}.example/v1", "api_key_env": "X_KEY", "dialect": dialect}
    )
    Route.objects.create(chat_model=model, provider=provider, upstream_model=f"{slug}-model", position=position)


def served_route(slug: str, dialect: str = "openai") -> ServedRoute:
    return ServedRoute(
        provider=slug,
        base_url=f"https://{slug}.example/v1",
        api_key_env="X_KEY",
        dialect=dialect,
        upstream_model=f"{slug}-model",
        vendor=ark.VENDOR if dialect == "ark" else general.VENDOR,
    )


@pytest.mark.django_db
def test_models_of_the_environment_are_served_by_ark() -> None:
    served = catalogue.read()

    assert served.models == {
        name: ServedModel(
            name=name,
            created_at=0,
            routes=(
                ServedRoute(
                    provider="ark",
                    base_url="https://ark.example/api/v3",
                    api_key_env="ARK_API_KEY",
                    dialect="ark",
                    upstream_model=upstream_model,
                    vendor=ark.VENDOR,
                ),
            ),
        )
        for name, upstream_model in {"doubao": "doubao-1-5-pro-32k-250115", "deep": "deepseek-v3"}.items()
    }
    assert served.default_name == "doubao"


@pytest.mark.django_db
def test_routes_stand_in_their_order() -> None:
    model = ChatModel.objects.create(name="mine")
    add_route(model, 2, "third")
    add_route(model, 0, "first", "ark")
    add_route(model, 1, "second")

    served = catalogue.read().models["mine"]

    assert served.routes == (served_route("first", "ark"), served_route("second"), served_route("third"))
    assert served.created_at == int(model.created_at.timestamp())


@pytest.mark.django_db
def test_row_goes_before_the_environment() -> None:
    add_route(ChatModel.objects.create(name="doubao"), 0, "other")

    served = catalogue.read()

    assert served.models["doubao"].routes == (served_route("other"),)
    assert list(served.models) == ["doubao", "deep"]


@pytest.mark.django_db
def test_model_without_a_route_is_not_served() -> None:
    ChatModel.objects.create(name="empty")

    assert "empty" not in catalogue.read().models


@pytest.mark.django_db
def test_reading_takes_two_queries_whatever_there_is(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    for number in range(3):
        model = ChatModel.objects.create(name=f"m{number}")
        add_route(model, 0, "first")
        add_route(model, 1, "second")

    with django_assert_num_queries(2):
        catalogue.read()


@pytest.mark.django_db
def test_default_is_what_the_setting_says(settings: Settings) -> None:
    settings.CHAT_DEFAULT_MODEL = "deep"

    assert catalogue.read().default_name == "deep"


@pytest.mark.django_db
def test_catalogue_is_kept_as_long_as_the_setting_says(settings: Settings) -> None:
    settings.CHAT_CATALOGUE_CACHE_S = 60
    read = catalogue.read()
    kept = catalogue.current()
    settings.CHAT_CATALOGUE_CACHE_S = 0

    assert (kept is read, catalogue.current()) == (True, None)


def test_secrets_of_a_route_are_its_key_and_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("X_KEY", "the key")

    assert served_route("first").secrets == ["the key", "first.example"]


@pytest.mark.parametrize(
    ("base_url", "hidden"),
    [
        ("http://llm.internal:8000/v1", ["the key", "llm.internal:8000", "llm.internal"]),
        ("http://10.0.0.7:8000/v1", ["the key", "10.0.0.7:8000", "10.0.0.7"]),
        ("http://api:8000/v1", ["the key", "api:8000"]),
    ],
)
def test_host_is_a_secret_without_its_port_too(
    monkeypatch: pytest.MonkeyPatch, base_url: str, hidden: list[str]
) -> None:
    monkeypatch.setenv("X_KEY", "the key")

    assert replace(served_route("first"), base_url=base_url).secrets == hidden


def test_route_without_a_key_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("X_KEY", raising=False)

    assert (served_route("first").api_key, served_route("first").secrets) == ("", ["first.example"])
