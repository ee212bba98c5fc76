"""Every page of the admin in Chinese, with real rows: no text that people read is left in English."""

import re
import uuid
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from html.parser import HTMLParser
from itertools import cycle
from urllib.parse import parse_qsl, urlsplit

import pytest
from django.contrib.auth.models import Group, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from attribution.models import AdCost, App, Authorisation, Conversion, CostAccount, CostImport
from foundation.access.models import ApiKey
from foundation.alerts.models import Channel, Incident, Notice, Rule
from foundation.hooks import alerts
from streaming.models import ChatModel, Completion, Provider, Route, UsageHour
from tests.attribution.conftest import Pipeline, pipeline  # noqa: F401  # a fixture, found by its name here

MAX_PAGES = 300  # the crawl is bounded; every page is reached long before
MAX_QUERIES = 8  # sets of parameters looked at per path: filters can be combined in hundreds of ways
# Not pages with texts: files, streams, whatever ends the session; and addresses that only filter or sort a page again.
SKIPPED = re.compile(r"/admin/(?:logout|jsi18n|autocomplete|live/$|r/)|/export")
ROW = re.compile(r"[0-9a-f-]{36,}|[0-9]+")  # the part of an address that names a row
SILENT = {"script", "style", "code", "pre", "svg", "template", "noscript"}
VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
READ_ATTRIBUTES = ("title", "placeholder", "aria-label", "alt")
CHINESE = re.compile(r"[\u4e00-\u9fff]")
WORD = re.compile(r"[A-Za-z_]{2,}")
# Names that are the same in every language, and texts from the rows themselves.
ALLOWED = re.compile(
    "Rivermouth|API|ID|Id|URL|CSV|XLSX|JSON|IP|IPv|iOS|Android|OpenAI|Ark|English|SDK|HTTP|POST|GET|ms|OAID|IMEI|"
    "IDFA|IDFV|CAID|MAC|UA|tokens?|en|zh|hans|esc|"
    "Azure|DashScope|DeepSeek|Hunyuan|MiniMax|Moonshot|OpenRouter|Qianfan|SiliconFlow|StepFun|Zhipu"
)
DATA = re.compile(
    "[Dd]emo|com|example|[Dd]oubao|pro|ark|chat|[Aa]dmin|[Cc]aller|ARK_API_KEY|https?|Marketers|Operators|ios|android|"
    "android_id|attribution|order"
)
# Names that Django generates for many-to-many rows and cannot translate; and the parts of a password's hash.
UNTRANSLATABLE = re.compile(r"Group-permission relationship|[Cc]aller · rm_|: (?:pbkdf2_sha256|\S+\*+)$")


class Texts(HTMLParser):
    """The texts that a person sees on a page, and its links."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.links: list[str] = []
        self._open: list[tuple[str, bool]] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        named = {name: value or "" for name, value in attributes}
        is_silent = tag in SILENT or "material-symbols-outlined" in named.get("class", "") or "data-data" in named
        is_silent = is_silent or (tag == "select" and named.get("name") in {"permissions", "user_permissions"})
        if tag not in VOID:
            self._open.append((tag, is_silent or self._is_silent))
        self.texts += [named[name] for name in READ_ATTRIBUTES if name in named and not self._is_silent]
        if tag == "input" and named.get("type") in {"submit", "button"}:
            self.texts.append(named.get("value", ""))
        if tag == "a":
            self.links.append(named.get("href", ""))

    def handle_endtag(self, tag: str) -> None:
        if any(tag == name for name, _silent in self._open):
            while self._open.pop()[0] != tag:
                pass

    def handle_data(self, data: str) -> None:
        if not self._is_silent and data.strip():
            self.texts.append(" ".join(data.split()))

    @property
    def _is_silent(self) -> bool:
        return bool(self._open) and self._open[-1][1]


def english_in(page: str) -> list[str]:
    parser = Texts()
    parser.feed(page)
    return [text for text in parser.texts if _is_english(text)]


def _is_english(text: str) -> bool:
    if CHINESE.search(text) or UNTRANSLATABLE.match(text):
        return False
    words = [word for word in WORD.findall(text) if not (ALLOWED.fullmatch(word) or DATA.fullmatch(word))]
    return bool(words) and not re.fullmatch(r"[\w.:/@…–+-]*[\d_/…][\w.:/@…–+-]*", text)


@pytest.fixture
def rows(pipeline: Pipeline, admin_user: User) -> Pipeline:  # noqa: F811  # the imported fixture
    """One of everything that the admin has a page for."""
    Completion.objects.all().delete()  # one of an earlier test, recorded late, has names of its own
    App.objects.update(monitor_token="token-1")  # a random one may happen to have letters only
    pipeline.report()
    pipeline.fault("conversion", "status", status=400, times=1)
    pipeline.deliver()
    pipeline.report("active_pay")
    pipeline.deliver()
    pipeline.report("active", user="u-2")
    ApiKey.objects.issue(caller="caller")
    provider = Provider.objects.create(slug="ark", base_url="https://ark.example/v1", api_key_env="ARK_API_KEY")
    model = ChatModel.objects.create(name="doubao")
    Route.objects.create(chat_model=model, provider=provider, upstream_model="doubao-pro", prompt_price=1)
    for state in Completion.State:
        Completion.objects.create(
            state=state,
            profile="app",
            is_stream=True,
            chat_model="doubao",
            provider="ark",
            owner="key:1",
            started_at=timezone.now(),
            process_id=uuid.uuid4(),
        )
    UsageHour.objects.create(
        hour=timezone.now(), chat_model="doubao", provider="ark", completions=1, completed=1, prompt_tokens=1,
        cached_tokens=1, completion_tokens=1, reasoning_tokens=1, cost_cny=Decimal(1), unpriced=1,
    )  # fmt: skip
    channel = Channel.objects.create(name="demo", kind="webhook")
    for kind in alerts.watches():
        rule = Rule.objects.get_or_create(watch=kind)[0]
        Incident.objects.create(rule=rule, key="demo", began_at=timezone.now(), seen_at=timezone.now())
    for event, notice_state in zip(cycle(Notice.Event.values), Notice.State.values, strict=False):
        Notice.objects.create(
            incident=rule.incidents.get(), channel=channel, event=event, state=notice_state, created_at=timezone.now(),
            number=Notice.objects.count(),
        )  # fmt: skip
    AdCost.objects.create(
        day=timezone.localdate(), platform="oceanengine", advertiser_id=1, cost_centifen=1, source=AdCost.Source.API,
        stored_at=timezone.now(),
    )  # fmt: skip
    now = timezone.now()
    authorisation = Authorisation.objects.create(platform="oceanengine", authorised_at=now, access_expires_at=now)
    account = CostAccount.objects.create(
        platform="oceanengine", advertiser_id=1, authorisation=authorisation, due_at=now
    )
    CostImport.objects.create(account=account, began_at=now, since=now.date(), until=now.date())
    assert Group.objects.count() == 2
    return pipeline


@pytest.fixture
def browser(admin_user: User) -> Client:
    browser = Client(headers={"Accept-Language": "zh-hans"})
    browser.force_login(admin_user)
    return browser


def crawl(browser: Client) -> Iterator[tuple[str, str]]:
    """(address, page) of every page under /admin/ that links lead to, each path once per set of parameters."""
    waiting, known = ["/admin/"], {"/admin/"}
    queries: Counter[str] = Counter()
    for number in range(MAX_PAGES):
        if number >= len(waiting):
            return
        answer = browser.get(waiting[number], follow=True)
        if not answer.get("Content-Type", "").startswith("text/html") or answer.streaming:
            continue
        page = answer.content.decode()
        assert answer.status_code == 200, waiting[number]
        yield waiting[number], page
        parser = Texts()
        parser.feed(page)
        for link in parser.links:
            path = urlsplit(link if not link.startswith("?") else urlsplit(waiting[number]).path + link)
            place = ROW.sub("#", path.path)
            kind = f"{place}?{sorted(name for name, _value in parse_qsl(path.query))}"
            is_page = path.path.startswith("/admin/") and not SKIPPED.search(path.path)
            if is_page and kind not in known and queries[place] < MAX_QUERIES:
                known.add(kind)
                queries[place] += 1
                waiting.append(f"{path.path}?{path.query}" if path.query else path.path)
    pytest.fail(f"more than {MAX_PAGES} pages: does the crawl go round in circles?")


def test_no_page_of_the_admin_has_a_text_left_in_english(rows: Pipeline, browser: Client) -> None:
    found: dict[str, list[str]] = {}
    seen = []
    for address, page in crawl(browser):
        seen.append(address)
        assert 'lang="zh-hans"' in page, address
        for text in english_in(page):
            found.setdefault(text, []).append(address)

    assert {text: pages[:3] for text, pages in found.items()} == {}
    assert len(seen) > 40
    paths = {urlsplit(address).path.split("/")[3] for address in seen if address.count("/") >= 4}
    assert paths >= {"app", "conversion", "completion", "usagehour", "route", "provider", "apikey", "user", "group"}
    assert paths >= {"channel", "rule", "incident", "notice"}


def test_pages_behind_buttons_are_in_chinese_too(rows: Pipeline, browser: Client) -> None:
    record = Conversion.objects.first()
    assert record is not None
    pages = [
        browser.post(f"/admin/attribution/conversion/{record.pk}/unmask/"),
        browser.post(f"/admin/alerts/channel/{Channel.objects.get().pk}/test/"),
        browser.post("/admin/access/apikey/add/", {"caller": "caller"}),
        browser.post("/admin/access/apikey/add/", {}),
        browser.get("/admin/streaming/usagehour/", {"since": "x", "until": "2026-01-01"}),
        browser.get("/admin/streaming/completion/", {"q": "nobody"}),
        browser.get("/admin/costs/connect/oceanengine/"),
        browser.post("/admin/costs/upload/", {"file": SimpleUploadedFile("a.csv", b"1,2\n")}),
        browser.post("/admin/logout/"),
        Client(headers={"Accept-Language": "zh-hans"}).get("/admin/login/"),
    ]

    assert [page.status_code for page in pages] == [200] * len(pages)
    assert [english_in(page.content.decode()) for page in pages] == [[]] * len(pages)


def test_language_is_switched_in_the_admin(admin_client: Client) -> None:
    english = admin_client.get("/admin/").content.decode()
    admin_client.post("/i18n/setlang/", {"language": "zh-hans", "next": "/admin/"})
    chinese = admin_client.get("/admin/").content.decode()

    assert ("Statistics" in english, "统计" in english) == (True, False)
    assert ("Statistics" in chinese, "统计" in chinese) == (False, True)
    assert 'value="zh-hans"' in english


@pytest.mark.parametrize(
    ("page", "found"),
    [
        ("<p>Hello world</p>", ["Hello world"]),
        ("<p>你好 world</p>", []),
        ("<code>SELECT</code><p>ARK_API_KEY</p><script>let it = 1</script>", []),
        ('<input placeholder="Type here"><img alt="a picture">', ["Type here", "a picture"]),
        ('<span class="material-symbols-outlined">search</span><b>API: 12 ms</b>', []),
        ('<div><code>x</code>Left <i class="x">open</i></div>', ["Left", "open"]),
    ],
)
def test_english_is_seen(page: str, found: list[str]) -> None:
    assert english_in(page) == found
