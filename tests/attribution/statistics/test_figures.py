"""Every figure is one row of `FIGURES`: what else lists figures has exactly these."""

import csv
import io
import re
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pytest
from django.test import Client
from rest_framework.test import APIClient

from attribution.models import App
from attribution.statistics import sources, summing, table
from attribution.statistics.figures import FIGURES, Behind, Figure, Format
from attribution.statistics.formulas import Formula, Sum
from attribution.statistics.scopes import Columns, Key, Scope
from tests.attribution.ad_world import ADS, World
from tests.attribution.statistics.test_reports import NOON, TODAY

NAMES = [figure.name for figure in FIGURES]
DOCS = Path(__file__).parents[3] / "docs" / "statistics.md"


def test_names_are_unique() -> None:
    assert len(set(NAMES)) == len(NAMES)


def test_api_and_csv_have_the_figures_in_order(client: APIClient) -> None:
    answer = client.get("/api/stats/?group_by=").json()
    text = client.get("/api/stats/?group_by=&format=csv").content.decode()

    assert answer["columns"] == list(answer["rows"][0]) == list(answer["totals"]) == NAMES
    assert next(csv.reader(io.StringIO(text))) == NAMES


def test_api_description_has_the_figures_with_their_meaning(db: None) -> None:
    schemas = Client().get("/api/schema/?format=json").json()["components"]["schemas"]

    totals = schemas["StatisticsTotals"]["properties"]
    assert {name: field["description"] for name, field in totals.items()} == {
        figure.name: figure.description for figure in FIGURES
    }
    assert set(NAMES) <= set(schemas["StatisticsRow"]["properties"])


def test_docs_have_the_figures_with_their_meaning() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.*) \|$", DOCS.read_text().partition("## `GET")[0], re.MULTILINE)

    assert rows == [(figure.name, figure.description) for figure in FIGURES]


def test_page_and_cards_show_the_figures_that_have_a_place(admin_client: Client, app: App) -> None:
    World(app).event("active", NOON)
    summing.catch_up(NOON)

    page = admin_client.get("/admin/statistics/?from=2026-11-23&to=2026-11-23").context
    cards = admin_client.get("/admin/").context["cards"]

    for view, is_cohort in (("event_columns", False), ("cohort_columns", True)):
        shown = [(each.column, str(each.title)) for each in FIGURES if each.column and each.is_cohort == is_cohort]
        assert [str(heading["title"]) for heading in page[view]] == [title for _place, title in sorted(shown)]
    assert [card.title for card in cards] == [
        title for _place, title in sorted((each.card, str(each.title)) for each in FIGURES if each.card)
    ]


@pytest.mark.parametrize("figure", FIGURES, ids=NAMES)
def test_figure_that_people_see_has_a_title(figure: Figure) -> None:
    assert bool(figure.title) or (figure.column, figure.card, figure.behind) == (None, None, None)


def _cost(sums: Sequence[Sum], scope: Scope, columns: Columns, today: date) -> list[tuple[Key, list[int]]]:
    """The ads' cost, from another source; not known by channel."""
    assert columns in {("channel",), ("is_organic", "platform", "advertiser_id", "campaign_id", "ad_id")}
    return [] if "channel" in columns else [(ADS[0].key, [250])]


def test_row_of_a_made_up_figure_is_all_that_it_takes(app: App) -> None:
    """From a made-up source: by day N, as a difference, and as a quotient of sums that are not figures themselves."""
    world = World(app)
    world.attribute("u", ADS[0], at=NOON)
    world.event("active", NOON, user="u")
    world.event("active_pay", NOON, user="u", amount_fen=1000)
    summing.catch_up(NOON)
    cost, paid = Sum(_cost, "cost_fen"), Sum(sources.cohorts, "amount_day_0_fen")
    young = Sum(sources.cohorts, "amount_day_7_fen", age=7)
    made_up: dict[str, Formula] = {"profit_fen": paid - cost, "roi_day_0": paid / cost, "roi_day_7": cost / young}
    figures = [Figure(name, formula, behind=Behind(), format=Format.FEN) for name, formula in made_up.items()]

    rows, totals = table.table(Scope(since=TODAY, until=TODAY), ["ad"], today=TODAY, figures=figures)

    assert [(row["ad_id"], row["profit_fen"], row["roi_day_0"], row["roi_day_7"]) for row in rows] == [
        (str(ADS[0].ad), 750, 4.0, None)
    ]
    assert totals == {"profit_fen": 750, "roi_day_0": 4.0, "roi_day_7": None}
