"""The admin's pages of chats: completions, usage and cost, providers and routes."""

import datetime as dt
import re
import time
import uuid
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
import requests
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from streaming.admin import usage_page
from streaming.catalogue import catalogue
from streaming.models import ChatModel, Completion, Conversation, Provider, Route, UsageHour, UsageNote
from streaming.routing import cooling
from streaming.usage import hours
from tests.servers import Server
from tests.streaming.conftest import PROVIDER_KEY, recorded
from tests.streaming.scripted_provider import DONE, Act, ScriptedProvider, answer, chunk, event

LIST = "/admin/streaming/completion/"
USAGE = "/admin/streaming/usagehour/"
CONVERSATIONS = "/admin/streaming/conversation/"
TODAY = timezone.localdate()
PASSWORD = "a-long-password-1"


def completion(**fields: Any) -> Completion:
    usual = {"profile": "openai", "is_stream": True, "chat_model": "doubao", "provider": "ark", "owner": "key:1"}
    ended = {"state": "completed", "started_at": timezone.now(), "prompt_tokens": 1000, "completion_tokens": 500}
    return Completion.objects.create(**{**usual, **ended, "process_id": uuid.uuid4(), **fields})


def shown_ids(page: str) -> set[str]:
    return set(re.findall(rf"{LIST}([0-9a-f-]{{36}})/change/", page))


# --- Completions ------------------------------------------------------------------------------------------------------


@pytest.fixture
def rows(db: None) -> dict[str, Completion]:
    rows = {
        "plain": completion(user_id="u-1"),
        "failed": completion(state="failed", provider="", error_code="upstream_timeout"),
        "other": completion(chat_model="deep", provider="deepseek"),
        "old": completion(started_at=timezone.now() - dt.timedelta(days=40)),
    }
    UsageNote.take(row.started_at for row in rows.values())
    hours.sum_noted_hours(timezone.now())
    return rows


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({}, {"plain", "failed", "other", "old"}),
        ({"state__exact": "failed"}, {"failed"}),
        ({"model": "deep"}, {"other"}),
        ({"provider": "ark"}, {"plain", "old"}),
        ({"provider": "-"}, {"failed"}),
        ({"days": f"{TODAY - dt.timedelta(days=1)}..{TODAY}"}, {"plain", "failed", "other"}),
        ({"days": f"2020-01-01..{TODAY - dt.timedelta(days=30)}"}, {"old"}),
        ({"days": "yesterday"}, set()),
        ({"days": "9999-12-31..9999-12-31"}, set()),
        ({"q": "u-1"}, {"plain"}),
        ({"q": "u"}, set()),
    ],
)
def test_list_is_filtered(
    admin_client: Client, rows: dict[str, Completion], query: dict[str, str], names: set[str]
) -> None:
    page = admin_client.get(LIST, query).content.decode()

    assert shown_ids(page) == {str(rows[name].id) for name in names}


def test_list_finds_a_completion_by_its_id(admin_client: Client, rows: dict[str, Completion]) -> None:
    page = admin_client.get(LIST, {"q": f" {rows['other'].id} "}).content.decode()

    assert shown_ids(page) == {str(rows["other"].id)}


def test_list_counts_nothing(admin_client: Client, rows: dict[str, Completion]) -> None:
    with CaptureQueriesContext(connection) as queries:
        admin_client.get(LIST, {"state__exact": "failed", "model": "doubao"})

    about = [query["sql"] for query in queries if '"streaming_completion"' in query["sql"]]
    assert len(about) == 1
    assert "COUNT(" not in about[0]
    assert "LIMIT" in about[0]


def test_completion_can_not_be_edited(admin_client: Client, rows: dict[str, Completion]) -> None:
    assert admin_client.post(f"{LIST}{rows['plain'].id}/change/", {"state": "failed"}).status_code == 403


@pytest.mark.parametrize(
    ("may_read", "stores_text", "is_shown"), [(True, True, True), (False, True, False), (True, False, False)]
)
def test_text_needs_the_right_to_read_it(
    settings: Settings, db: None, may_read: bool, stores_text: bool, is_shown: bool
) -> None:
    settings.CHAT_STORE_TEXT = stores_text
    row = completion(text="canary text", reasoning="canary reasoning")
    user = User.objects.create(username="u", is_staff=True)
    names = ["view_completion", *(["read_text"] if may_read else [])]
    user.user_permissions.set(Permission.objects.filter(codename__in=names))
    browser = Client()
    browser.force_login(user)

    page = browser.get(f"{LIST}{row.id}/change/").content.decode()

    assert "doubao" in page
    assert ("canary text" in page, "canary reasoning" in page) == (is_shown, is_shown)


# --- Providers --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "wrong"),
    [
        ({}, None),
        ({"api_key_env": "SECRET_KEY"}, "api_key_env"),
        ({"api_key_env": "DATABASE_URL"}, "api_key_env"),
        ({"base_url": "ftp://ark.example"}, "base_url"),
        ({"slug": "two words"}, "slug"),
        ({"dialect": "latin"}, "dialect"),
    ],
)
def test_provider_is_added_unless_something_is_wrong(
    admin_client: Client, changed: dict[str, str], wrong: str | None
) -> None:
    usual = {"slug": "ark", "base_url": "https://ark.example/v3", "api_key_env": "ARK_API_KEY", "dialect": "ark"}

    answer = admin_client.post("/admin/streaming/provider/add/", usual | changed)

    assert (answer.status_code, Provider.objects.count()) == ((200, 0) if wrong else (302, 1))
    assert wrong is None or list(answer.context["adminform"].form.errors) == [wrong]


@pytest.mark.parametrize("model", ["provider", "chatmodel", "route"])
def test_empty_lists_say_what_is_served_by_the_setting(admin_client: Client, settings: Settings, model: str) -> None:
    settings.ARK_MODELS = {"doubao": "ep-1"}

    page = admin_client.get(f"/admin/streaming/{model}/").content.decode()

    assert "doubao → ep-1" in page


# --- Stored conversations ---------------------------------------------------------------------------------------------


@pytest.fixture
def conversation(db: None) -> Conversation:
    """A question with its answer, and a question without one."""
    conversation = Conversation.objects.create(
        owner="user:1:2:u-1", title="canary title", created_at=timezone.now(), updated_at=timezone.now()
    )
    answered = completion(user_id="u-1", text="canary answer")
    messages = [("user", "canary question", None), ("assistant", "", answered), ("user", "<b>again</b>", None)]
    for role, question, said in messages:
        conversation.messages.create(role=role, question=question, completion=said, created_at=timezone.now())
    return conversation


@pytest.mark.parametrize(
    ("permission", "stores_text", "status"),
    [("read_text", True, 200), ("view_conversation", True, 403), ("read_text", False, 403)],
)
def test_conversations_need_stored_texts_and_the_right_to_read_them(
    settings: Settings, conversation: Conversation, permission: str, stores_text: bool, status: int
) -> None:
    settings.CHAT_STORE_TEXT = stores_text
    user = User.objects.create(username="u", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename=permission))
    browser = Client()
    browser.force_login(user)

    pages = [browser.get(CONVERSATIONS), browser.get(f"{CONVERSATIONS}{conversation.pk}/change/")]

    assert [page.status_code for page in pages] == [status, status]
    assert [b"canary title" in page.content for page in pages] == [status == 200] * 2
    assert (CONVERSATIONS in browser.get("/admin/").content.decode()) is (status == 200)


def test_conversation_is_read_from_top_to_bottom(admin_client: Client, conversation: Conversation) -> None:
    page = admin_client.get(f"{CONVERSATIONS}{conversation.pk}/change/").content.decode()

    assert re.findall(r'class="rm-said">(.*?)</div>', page) == [
        "canary question", "canary answer", "&lt;b&gt;again&lt;/b&gt;",
    ]  # fmt: skip
    [answered] = Completion.objects.all()
    assert f"{LIST}{answered.pk}/change/" in page


@pytest.mark.parametrize(("term", "is_found"), [("u-1", True), ("u", False), ("{pk}", True)])
def test_conversation_is_found_by_its_user_or_id(
    admin_client: Client, conversation: Conversation, term: str, is_found: bool
) -> None:
    page = admin_client.get(CONVERSATIONS, {"q": term.format(pk=conversation.pk)}).content.decode()

    assert (f"{conversation.pk}/change/" in page) is is_found


@pytest.mark.parametrize("address", [CONVERSATIONS, LIST])
def test_history_of_a_row_is_counted(admin_client: Client, conversation: Conversation, address: str) -> None:
    pk = conversation.pk if address == CONVERSATIONS else Completion.objects.get().pk

    history = admin_client.get(f"{address}{pk}/history/").context["action_list"]

    assert (history.paginator.count, admin_client.get(address).context["cl"].paginator.count) == (0, 10_000)


def test_conversation_can_not_be_changed(admin_client: Client, conversation: Conversation) -> None:
    address = f"{CONVERSATIONS}{conversation.pk}"

    answers = [admin_client.post(f"{address}/change/", {"title": "x"}), admin_client.post(f"{address}/delete/")]

    assert [answer.status_code for answer in answers] == [403, 403]
    assert Conversation.objects.get().title == "canary title"


# --- Usage and cost ---------------------------------------------------------------------------------------------------


@pytest.fixture
def month(db: None) -> None:
    noon = timezone.localtime().replace(hour=12, minute=0, second=0, microsecond=0)
    for ago, model, cost, unpriced in ((1, "doubao", "1.5", 0), (2, "doubao", "0.25", 0), (2, "deep", "0", 2)):
        UsageHour.objects.create(
            hour=noon - dt.timedelta(days=ago),
            chat_model=model,
            provider="ark",
            completions=10,
            completed=8,
            prompt_tokens=1_000_000,
            cached_tokens=1000,
            completion_tokens=2000,
            reasoning_tokens=300,
            cost_cny=Decimal(cost),
            unpriced=unpriced,
        )


def shown(**query: str) -> dict[str, Any]:
    return usage_page.context(RequestFactory().get(USAGE, query))


def test_usage_page_shows_sums_charts_and_links_to_the_rows(admin_client: Client, month: None) -> None:
    page = admin_client.get(USAGE).content.decode()

    assert "¥1.75" in page
    assert "3,000,000" in page
    assert "2 chats had no price" in page
    assert page.count('class="chart"') == 2
    yesterday = TODAY - dt.timedelta(days=1)
    assert f"{LIST}?days={yesterday}..{yesterday}&amp;model=doubao&amp;provider=ark" in page


def test_usage_is_per_model_and_per_day(month: None) -> None:
    found = shown()

    lines = [(line["usage"].day, line["usage"].chat_model, line["cost"]) for line in found["by_day"]]
    days = [TODAY - dt.timedelta(days=ago) for ago in (1, 2)]
    assert lines == [(days[0], "doubao", "¥1.50"), (days[1], "deep", "¥0.00"), (days[1], "doubao", "¥0.2500")]
    assert [(line["usage"].chat_model, line["cost"]) for line in found["by_model"]] == [
        ("doubao", "¥1.75"),
        ("deep", "¥0.00"),
    ]


@pytest.mark.parametrize(
    ("query", "costs"),
    [
        ({"model": "deep"}, ["¥0.00"]),
        ({"provider": "nobody"}, []),
        ({"since": str(TODAY - dt.timedelta(days=1)), "until": str(TODAY)}, ["¥1.50"]),
        ({"until": str(TODAY - dt.timedelta(days=2))}, ["¥0.2500", "¥0.00"]),
    ],
)
def test_usage_is_narrowed_down(month: None, query: dict[str, str], costs: list[str]) -> None:
    assert [line["cost"] for line in shown(**query)["by_model"]] == costs


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ({"since": "x"}, "“since” is not a valid date. Use YYYY-MM-DD, for example 2026-11-23."),
        ({"since": "2026-11-02", "until": "2026-11-01"}, "“since” comes after “until”."),
        ({"since": "2020-01-01", "until": "2026-11-01"}, "At most 366 days can be shown."),
        ({"until": "0001-01-02"}, None),
        ({"until": "9999-12-31"}, "At most 366 days can be shown."),
    ],
)
def test_wrong_days_are_named(admin_client: Client, query: dict[str, str], error: str | None) -> None:
    page = admin_client.get(USAGE, query)

    assert page.status_code == 200
    assert error is None or error in page.content.decode()


def test_usage_page_asks_nothing_of_completions(admin_client: Client, month: None) -> None:
    with CaptureQueriesContext(connection) as queries:
        admin_client.get(USAGE)

    assert [query["sql"] for query in queries if '"streaming_completion"' in query["sql"]] == []


def test_usage_page_needs_its_permission(db: None) -> None:
    browser = Client()
    browser.force_login(User.objects.create(username="u", is_staff=True))

    assert browser.get(USAGE).status_code == 403


# --- Providers and routes ---------------------------------------------------------------------------------------------


class Operator:
    """As much of an operator's browser as a form needs."""

    def __init__(self, url: str, *permissions: str) -> None:
        user = User.objects.create_user("operator", password=PASSWORD, is_staff=True)
        user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
        self.url = url
        self.session = requests.Session()
        login = f"{url}/admin/login/"
        self.session.get(login, timeout=20)
        form = {"username": "operator", "password": PASSWORD, "csrfmiddlewaretoken": self.csrf_token}
        self.session.post(login, data=form, headers={"Referer": login}, timeout=20)

    @property
    def csrf_token(self) -> str:
        return self.session.cookies["csrftoken"]

    def test(self, route: Route, *, with_csrf: bool = True) -> requests.Response:
        form = {"csrfmiddlewaretoken": self.csrf_token} if with_csrf else {}
        return self.session.post(f"{self.url}/admin/streaming/route/{route.pk}/test/", data=form, timeout=60)


@pytest.fixture
def route(provider: ScriptedProvider) -> Route:
    Route.objects.update(prompt_price=1, completion_price=2)
    return Route.objects.get()


@pytest.fixture
def operator(hasty: Server, transactional_db: None) -> Iterator[Operator]:
    operator = Operator(hasty.url, "view_route", "test_route")
    yield operator
    operator.session.close()


def test_route_that_works_shows_answer_times_usage_and_cost(
    operator: Operator, provider: ScriptedProvider, route: Route
) -> None:
    spent = {"choices": [], "usage": {"prompt_tokens": 12, "completion_tokens": 3}}
    provider.stream(chunk("po"), 0.05, chunk("ng"), chunk(finish_reason="stop"), event(spent), DONE)

    page = operator.test(route)

    row = recorded()
    assert page.status_code == 200
    assert "The route works." in page.text
    assert '<p data-name="answer">pong</p>' in page.text
    assert f"<td>{row.first_content_ms} ms</td>" in page.text
    assert "<td>12</td>" in page.text
    assert "¥0.000018" in page.text
    assert (row.state, row.chat_model, row.owner, row.caller) == (
        "completed",
        "scripted",
        "route test",
        User.objects.get(username="operator"),
    )
    [request] = provider.requests
    assert request.json()["messages"] == [{"role": "user", "content": "Answer with the single word: pong"}]


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (401, "upstream_refused: 401 bad_key: no such key [hidden]"),
        (400, "bad_key: 400 bad_key: no such key [hidden]"),
        (503, "upstream_unavailable: 503 bad_key: no such key [hidden]"),
    ],
)
def test_route_that_fails_shows_the_exact_error_without_the_key(
    operator: Operator, provider: ScriptedProvider, route: Route, status: int, said: str
) -> None:
    body = b'{"error":{"code":"bad_key","message":"no such key %s"}}' % PROVIDER_KEY.encode()
    provider.on_request([answer(status, body)])

    page = operator.test(route)

    assert "The route does not work." in page.text
    assert said in page.text
    assert PROVIDER_KEY not in page.text


def test_route_that_breaks_off_in_mid_answer_says_so(
    operator: Operator, provider: ScriptedProvider, route: Route
) -> None:
    provider.stream(chunk("po"))

    page = operator.test(route)

    assert "upstream_truncated" in page.text
    assert '<p data-name="answer">po</p>' in page.text


def test_silent_route_is_given_up(operator: Operator, provider: ScriptedProvider, route: Route) -> None:
    provider.on_request([Act.UNTIL_LEFT])

    page = operator.test(route)

    assert "upstream_timeout" in page.text


def test_route_without_a_key_names_the_variable(operator: Operator, route: Route, provider: ScriptedProvider) -> None:
    route.provider.api_key_env = "NOT_SET_ANYWHERE"
    route.provider.save()

    page = operator.test(route)

    assert "route_misconfigured: NOT_SET_ANYWHERE is not set" in page.text
    assert provider.requests == []


@pytest.mark.parametrize("permissions", [["view_route"], ["test_route"]])
def test_route_is_tested_only_by_who_may(
    hasty: Server, provider: ScriptedProvider, route: Route, permissions: list[str]
) -> None:
    operator = Operator(hasty.url, *permissions)

    assert operator.test(route).status_code == 403
    assert provider.requests == []


def test_route_is_not_tested_from_a_foreign_page(operator: Operator, provider: ScriptedProvider, route: Route) -> None:
    assert operator.test(route, with_csrf=False).status_code == 403
    assert operator.session.get(f"{operator.url}/admin/streaming/route/{route.pk}/test/", timeout=20).status_code == 405
    assert provider.requests == []


def test_stranger_is_asked_to_sign_in(
    hasty: Server, operator: Operator, provider: ScriptedProvider, route: Route
) -> None:
    operator.session.cookies.pop("sessionid")

    page = operator.test(route)

    assert page.url.startswith(f"{hasty.url}/admin/login/")
    assert provider.requests == []


def test_button_is_on_the_routes_page(admin_client: Client, route: Route) -> None:
    page = admin_client.get(f"/admin/streaming/route/{route.pk}/change/").content.decode()

    assert f'action="/admin/streaming/route/{route.pk}/test/"' in page


def test_provider_says_whether_its_key_is_set(admin_client: Client, db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    Provider.objects.create(slug="with", base_url="https://a.example/v1", api_key_env="KEY_A")
    monkeypatch.setenv("KEY_A", "canary secret")

    page = admin_client.get("/admin/streaming/provider/").content.decode()

    assert "KEY_A" in page
    assert "canary secret" not in page


def test_provider_and_model_with_a_route_are_made(admin_client: Client, db: None) -> None:
    form = {"slug": "ds", "base_url": "https://ds.example/v1", "api_key_env": "DS_KEY", "dialect": "openai"}
    admin_client.post("/admin/streaming/provider/add/", form)
    provider = Provider.objects.get()
    routes = {
        "routes-TOTAL_FORMS": "1",
        "routes-INITIAL_FORMS": "0",
        "routes-0-position": "0",
        "routes-0-provider": str(provider.pk),
        "routes-0-upstream_model": "chat",
        "routes-0-prompt_price": "0.8",
        "routes-0-completion_price": "-1",
    }
    refused = admin_client.post("/admin/streaming/chatmodel/add/", {"name": "mine", **routes})
    admin_client.post("/admin/streaming/chatmodel/add/", {"name": "mine", **routes, "routes-0-completion_price": "2"})

    assert "Ensure this value is greater than or equal to 0." in refused.content.decode()
    assert list(ChatModel.objects.get().routes.values_list("upstream_model", "prompt_price", "completion_price")) == [
        ("chat", Decimal("0.8"), Decimal(2))
    ]


def test_keyless_provider_with_every_knob_is_made(admin_client: Client, db: None) -> None:
    form = {
        "slug": "local",
        "base_url": "http://my_vllm:8000/v1",
        "api_key_env": "",
        "dialect": "openai",
        "proxy_env": "LLM_PROXY",
        "headers": '{"X-Project-Name": "app"}',
        "first_content_timeout_s": "90",
    }
    admin_client.post("/admin/streaming/provider/add/", form)
    admin_client.post("/admin/streaming/provider/add/", {**form, "slug": "plain", "headers": "", "proxy_env": ""})

    local, plain = Provider.objects.order_by("slug")
    assert (local.base_url, local.api_key_env, local.proxy_env) == ("http://my_vllm:8000/v1", "", "LLM_PROXY")
    assert (local.headers, local.send_stream_options, local.first_content_timeout_s) == (
        {"X-Project-Name": "app"}, False, 90,
    )  # fmt: skip
    assert plain.headers == {}


@pytest.mark.parametrize(
    ("field", "value", "why"),
    [
        ("base_url", "my_vllm:8000", "It begins with https:// or http://."),
        ("proxy_env", "SECRET_KEY", "with PROXY in it"),
        ("headers", '{"Authorization": "Bearer x"}', "a key belongs into an environment variable"),
        ("idle_timeout_s", "-1", "A number of seconds from 0.001"),
    ],
)
def test_wrong_knob_is_refused_beside_its_field(
    admin_client: Client, db: None, field: str, value: str, why: str
) -> None:
    form = {"slug": "local", "base_url": "http://vllm:8000/v1", "dialect": "openai", field: value}

    page = admin_client.post("/admin/streaming/provider/add/", form)

    assert list(page.context["adminform"].form.errors) == [field]
    assert why in page.content.decode()
    assert not Provider.objects.exists()


def test_routes_list_says_which_one_cools(admin_client: Client, route: Route) -> None:
    served = catalogue.served(Route.objects.select_related("provider", "chat_model").get())
    before = admin_client.get("/admin/streaming/route/").content.decode()
    for _ in range(3):
        cooling.note_failure(served, time.monotonic())

    page = admin_client.get("/admin/streaming/route/").content.decode()
    cooling.note_success(served)

    assert "serves" in before
    assert re.search(r"cools down for (29|30) s", page)


def test_test_of_a_route_shows_what_was_left_out(operator: Operator, provider: ScriptedProvider, route: Route) -> None:
    stream = [b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n", chunk("pong")]
    refusal = answer(400, b'{"error":{"message":"Unknown parameter: stream_options"}}')
    provider.on_request([refusal], [*stream, chunk(finish_reason="stop"), DONE])
    Route.objects.update(drop_params=["seed"])

    page = operator.test(route).text

    assert "The route works." in page
    assert re.search(r"Left out, since the provider refuses it</th><td>stream_options</td>", page)
    assert re.search(r"dropped parameters</th><td>seed</td>", page)
