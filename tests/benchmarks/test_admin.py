"""The seeded database and the pages that are measured on it, at a ten-thousandth of the size."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from attribution.models import Attempt, Attribution, Click, Conversion, State
from attribution.models.roll_ups import ClickDay, EventDay
from attribution.statistics import summing
from benchmarks.admin import pages, seed, summary
from streaming.models import Completion

SIZES = seed.FULL.scaled(0.0001)
DAYS = 31


def _schema() -> dict[str, str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'")
        return dict(cursor.fetchall())


@pytest.mark.django_db(transaction=True)
def test_seeded_rows_add_up_and_leave_the_schema_as_it_was() -> None:
    before, now = _schema(), timezone.now()

    seed.fill(SIZES, days=DAYS, now=now)

    assert _schema() == before
    assert Click.objects.count() == pytest.approx(SIZES.clicks, rel=0.05)
    assert Conversion.objects.count() == pytest.approx(SIZES.conversions, rel=0.15)
    assert Completion.objects.count() == pytest.approx(SIZES.completions, rel=0.05)
    assert Attempt.objects.filter(conversion__state=State.REPORTED).count() > SIZES.conversions / 2
    assert not Conversion.objects.filter(received_at__gt=now + timedelta(seconds=5)).exists()
    assert (
        Attribution.objects.filter(is_attributed=True).count() > Attribution.objects.filter(is_attributed=False).count()
    )
    assert ClickDay.objects.values("day").distinct().count() > DAYS - 1
    assert EventDay.objects.filter(activations__gt=0).exists()
    assert list(summing.verify(days=DAYS + 1, now=now)) == []
    with pytest.raises(ValueError, match="attribution_click is not empty"):
        seed.fill(SIZES, days=DAYS, now=now)


@pytest.mark.django_db(transaction=True)
def test_every_page_answers_and_asks_few_questions() -> None:
    seed.fill(SIZES, days=DAYS, now=timezone.now())

    measured = pages.measure(repeats=0)

    assert [page["url"] for page in measured if page["status"] != 200] == []
    kinds = {(page["name"], page["kind"]) for page in measured}
    assert kinds >= {
        ("dashboard", "30 days"),
        ("dashboard", "link"),
        ("statistics", "30 days by ad"),
        ("statistics", "drill-down"),
        ("/api/stats/", "30 days by day"),
        ("send records", "first"),
        ("send records", "filtered"),
        ("send records", "filtered, 30 days"),
        ("send records", "search"),
        ("send records", "further back"),
        ("send records", "record"),
        ("clicks", "first"),
        ("attributions", "first"),
        ("completions", "first"),
    }
    assert min(page["queries"] for page in measured) > 0
    assert max(page["queries"] for page in measured) < 40
    assert all(0 < page["median_ms"] <= page["max_ms"] for page in measured)


def test_a_list_is_as_slow_as_its_slowest_filter() -> None:
    lines = summary.lines(
        {
            "left_out": {"1.0": "needs 65 GiB on the disk, 3 are free"},
            "sizes": {
                "0.1": {"conversions": 1_000_000, "pages": [_page("/a", 20), _page("/b", 700), _page("/c", 90)]},
                "0.01": {"conversions": 100_000, "pages": [_page("/a", 10), _page("/b", 12)]},
            },
        }
    )

    assert "Not measured at scale 1.0: it needs 65 GiB on the disk, 3 are free." in lines
    assert "| page |  | 100,000 conversions | 1,000,000 conversions | first | at most | queries |" in lines
    assert "| clicks | filtered | 12.0 | 700 | 701 | 701 | 5 |" in lines
    assert "3 pages; slower than 500 ms at the largest size: 1. The first time: 1." in lines
    assert lines[-1] == "- clicks, filtered: 700 ms, `/b`"


def _page(url: str, median_ms: float) -> dict[str, Any]:
    return {
        "name": "clicks",
        "kind": "filtered",
        "url": url,
        "status": 200,
        "queries": 5,
        "first_ms": median_ms + 1,
        "median_ms": median_ms,
        "max_ms": median_ms + 1,
    }
