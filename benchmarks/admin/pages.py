"""What people open in the admin, found by asking the admin itself, and how long the server takes for it.

Of every list: its first page, each of its filters, alone and within a month, each column that it can be sorted by,
searches that find (a user, an order, an id) and one that doesn't, pages further back, and one record. Then the
dashboard, the statistics of 30 days from the advertisers down to the records of one ad's day, and all that these lead
to. A list that is added is measured without a word here.

`python -m benchmarks.admin.pages --output FILE` measures in this process, on the database of the settings: from the
request at the first middleware to the last byte of the answer. No network is involved.
"""

import argparse
import itertools
import json
import os
import re
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import django
from django.urls import NoReverseMatch, reverse
from django.utils import timezone

# Slower pages are aborted, and shown as this.
TIMEOUT_MS = 20_000
REPEATS = 3  # besides the first time
# A slower page is not requested again: nobody needs to know whether it takes 6 or 7 seconds. The first time does not
# count, since much of that may be the disk's.
GIVEN_UP_MS = 3_000
APPS = {"attribution", "streaming", "access", "auth", "config"}
NOWHERE = "nothing-has-this"
FAR_PAGE = 100
# Values for the filters: the largest and the smallest of the seeded ads (`rows`), and one that does not exist.
TYPED = {
    "advertiser": ["1700000000000000000", "1700000000000000019", "42"],
    "campaign": ["7340000000000000000", "7340000000000000079", "42"],
    "ad": ["7350000000000000000", "7350000000000000399", "42"],
    "channel": ["huawei"],
}
DAYS = ("since", "until")
# Values for the searches, taken from the newest row as far as a list has them.
SEARCHED = ["user_id", "outer_event_id", "request_id", "pk"]
_LINK = re.compile(r'href="(/admin/[^"#]*)"')


@dataclass(frozen=True, slots=True)
class Page:
    """`name` is the list's or page's; `kind` says which view of it: "first", "filtered", "sorted", …"""

    name: str
    kind: str
    url: str


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.admin.pages")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--few", action="store_true", help="one page of each kind, instead of all")
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    # For this connection only. Without it an endless query would hold up all later ones.
    os.environ["PGOPTIONS"] = f"-c statement_timeout={TIMEOUT_MS}"
    django.setup()
    options.output.write_text(json.dumps(measure(is_few=options.few), ensure_ascii=False))


def measure(*, repeats: int = REPEATS, is_few: bool = False) -> list[dict[str, Any]]:
    """For each page: its query count, and its server time in milliseconds (first time, median and maximum)."""
    visitor = _Visitor()
    visitor.get(reverse("admin:auth_user_changelist"))  # loads the templates, opens the connection
    measured = []
    pages = _distinct(_pages(visitor))
    for page in _one_of_each_kind(pages) if is_few else pages:
        measured.append(figures := visitor.measure(page, repeats))
        if figures["median_ms"] > 200:
            print(f"{page.name}, {page.kind}: {figures['median_ms']:.0f} ms  {page.url}", flush=True)
    return measured


class _Visitor:
    """A superuser at the admin, within this process."""

    def __init__(self) -> None:
        from django.contrib.auth.models import User  # noqa: PLC0415  # needs Django's settings
        from django.test import Client, RequestFactory  # noqa: PLC0415  # likewise

        from foundation.access.models import ApiKey  # noqa: PLC0415  # likewise

        self.user, _is_new = User.objects.get_or_create(username="visitor", is_staff=True, is_superuser=True)
        self.requests = RequestFactory()
        key = ApiKey.objects.issue(caller="visitor", is_throttled=False)
        headers = {"host": "localhost", "authorization": f"Bearer {key}"}  # for the API's pages
        self._client = Client(raise_request_exception=False, headers=headers)
        self._client.force_login(self.user)

    def get(self, url: str) -> Any:
        return self._client.get(url)

    def measure(self, page: Page, repeats: int) -> dict[str, Any]:
        from django.db import connection  # noqa: PLC0415  # Django is set up first
        from django.test.utils import CaptureQueriesContext  # noqa: PLC0415  # likewise

        with CaptureQueriesContext(connection) as queries:
            first_ms, status = self._time(page.url)
        query_count = len(queries)  # before the next request: it empties the log
        times = [first_ms]
        for _ in range(repeats):
            times.append(self._time(page.url)[0])
            if times[-1] > GIVEN_UP_MS:
                break
        return {
            "name": page.name,
            "kind": page.kind,
            "url": page.url,
            "status": status,
            "queries": query_count,
            "first_ms": first_ms,
            "median_ms": statistics.median(times),
            "max_ms": max(times),
        }

    def _time(self, url: str) -> tuple[float, int]:
        began_at = time.perf_counter()
        answer = self._client.get(url)
        # Also of an answer that is made while it is sent.
        _length = len(answer.getvalue() if answer.streaming else answer.content)
        return (time.perf_counter() - began_at) * 1e3, answer.status_code


def _pages(visitor: _Visitor) -> Iterator[Page]:
    from django.contrib import admin  # noqa: PLC0415  # Django is set up first

    yield from _overviews(visitor)
    lists = [each for each in admin.site._registry.values() if each.model._meta.app_label in APPS]
    for model_admin in lists:
        yield from _pages_of_list(model_admin, visitor)


def _overviews(visitor: _Visitor) -> Iterator[Page]:
    """Dashboard, statistics (also as the API gives them) and what they lead to."""
    today = timezone.localdate()
    month = {"from": today - timedelta(days=29), "to": today}
    dashboard = f"{reverse('admin:index')}?period=30d"
    yield Page("dashboard", "7 days", reverse("admin:index"))
    yield Page("dashboard", "30 days", dashboard)
    yield from (Page("dashboard", "link", url) for url in _links(visitor, dashboard))
    for group_by in ("day", "ad", "day,ad"):
        yield Page(
            "/api/stats/", f"30 days by {group_by}", f"{reverse('stats')}?{urlencode(month | {'group_by': group_by})}"
        )
    if page := _url_of("statistics"):
        for group_by in ("advertiser", "campaign", "ad", "day", "channel", "app"):
            yield Page("statistics", f"30 days by {group_by}", f"{page}?period=30d&group_by={group_by}")
        yield from (Page("statistics", "drill-down", url) for url in _ways_down(visitor, page))
        by_day = f"{page}?period=30d&group_by=day"
        yield from (Page("statistics", "link", url) for url in _of_few_days(_links(visitor, by_day)))


def _ways_down(visitor: _Visitor, page: str) -> Iterator[str]:
    """From the advertisers to the days of the first one's first ad, and to the records of each; then by other ways."""
    from attribution.admin.pages.statistics import LEVELS  # noqa: PLC0415  # Django is set up first

    url = f"{page}?period=30d&group_by={LEVELS[0]}"
    for level, below in itertools.pairwise(LEVELS):
        links = _links(visitor, url)
        url = next(link for link in links if f"group_by={below}" in link and f"&{level}=" in link)
        yield url
    yield from _of_few_days([link for link in _links(visitor, url) if not link.startswith(page)])
    for group_by in LEVELS:
        yield f"{page}?period=30d&group_by={group_by}&channel={TYPED['channel'][0]}"
        yield f"{page}?period=30d&group_by={group_by}&source=attributed"
    yield f"{page}?period=30d&group_by=day&source=organic"


def _of_few_days(links: Sequence[str]) -> list[str]:
    """Of links that repeat for each day, those of the first, the middle and the last day; and all other links."""
    days = {link: dict(parse_qsl(urlsplit(link).query)).get(DAYS[0]) for link in links}
    known = sorted(day for day in set(days.values()) if day)
    few = {None, *known[:1], *known[len(known) // 2 :][:1], *known[-1:]}
    return [link for link in links if days[link] in few]


def _pages_of_list(model_admin: Any, visitor: _Visitor) -> Iterator[Page]:
    options = model_admin.model._meta
    name, url = str(options.verbose_name_plural), reverse(f"admin:{options.app_label}_{options.model_name}_changelist")
    yield Page(name, "first", url)
    request = visitor.requests.get(url)
    request.user = visitor.user
    shown = model_admin.get_changelist_instance(request)
    filters = list(_filters(shown))
    yield from (Page(name, "filtered", url + query) for query in filters)
    if any(set(DAYS) <= set(spec.expected_parameters()) for spec in shown.filter_specs):
        _today, _long_ago, month, _all = _spans()
        queries = (query for query in filters if not any(f"{day}=" in query for day in DAYS))
        yield from (Page(name, "filtered, 30 days", f"{url}{query}&{urlencode(month)}") for query in queries)
    yield from (Page(name, "sorted", f"{url}?o={sign}{column}") for column in _sortable(shown) for sign in ("", "-"))
    row = next(iter(shown.result_list), None)
    if model_admin.get_search_fields(request):
        yield from (Page(name, "search", f"{url}?{urlencode({'q': text})}") for text in ("user-4242", *_texts_of(row)))
        yield Page(name, "search in vain", f"{url}?q={NOWHERE}")
    yield from (Page(name, "further back", f"{url}?p={number}") for number in _far_pages(shown))
    if row is not None:
        yield Page(name, "record", reverse(f"admin:{options.app_label}_{options.model_name}_change", args=[row.pk]))


def _filters(shown: Any) -> Iterator[str]:
    """An address for each choice of each filter: links, entries of a drop-down, and texts that have rows."""
    for spec in shown.filter_specs:
        name = getattr(spec, "parameter_name", None)
        if name in TYPED:
            yield from (f"?{name}={value}" for value in TYPED[name])
        elif name and hasattr(spec, "lookup_choices"):
            yield from (f"?{name}={quote(str(value))}" for value, _title in spec.lookup_choices)
        elif set(DAYS) <= set(spec.expected_parameters()):
            yield from (f"?{urlencode(days)}" for days in _spans())
        else:
            yield from (
                choice["query_string"]
                for choice in spec.choices(shown)
                if "query_string" in choice and not choice["selected"]
            )


def _texts_of(row: Any) -> list[str]:
    return [str(value) for name in SEARCHED if (value := getattr(row, name, None))]


def _spans() -> Iterator[dict[str, str]]:
    """Today, a day long ago, a month, and everything."""
    today = timezone.localdate()
    for first, last in ((0, 0), (80, 80), (29, 0), (200, 0)):
        days = (today - timedelta(days=ago) for ago in (first, last))
        yield {name: day.isoformat() for name, day in zip(DAYS, days, strict=True)}


def _far_pages(shown: Any) -> set[int]:
    pages = shown.paginator.num_pages
    return {min(pages, FAR_PAGE), pages} - {1}


def _sortable(shown: Any) -> list[int]:
    """The numbers, as they stand in the list's address, of the columns whose heading is a link."""
    from django.contrib.admin.templatetags.admin_list import result_headers  # noqa: PLC0415  # Django is set up first

    return [number for number, heading in enumerate(result_headers(shown)) if heading.get("sortable")]


def _links(visitor: _Visitor, url: str) -> list[str]:
    """The pages of rows that a page leads to."""
    found = [unescape(link) for link in _LINK.findall(visitor.get(url).content.decode())]
    return [link for link in found if "?" in link and "format=" not in link]


def _url_of(name: str) -> str | None:
    try:
        return reverse(name)
    except NoReverseMatch:
        return None


def _distinct(pages: Iterator[Page]) -> Iterator[Page]:
    known: set[str] = set()
    for page in pages:
        if page.url not in known:
            known.add(page.url)
            yield page


def _one_of_each_kind(pages: Iterator[Page]) -> Iterator[Page]:
    known: set[tuple[str, str]] = set()
    for page in pages:
        if (page.name, page.kind) not in known:
            known.add((page.name, page.kind))
            yield page


def slowest(measured: Sequence[dict[str, Any]]) -> dict[tuple[str, str], dict[str, Any]]:
    """The slowest page of each name and kind: a list with many filters is as slow as the slowest of them."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for each in measured:
        key = (each["name"], each["kind"])
        if key not in found or each["median_ms"] > found[key]["median_ms"]:
            found[key] = each
    return found


if __name__ == "__main__":
    main()
