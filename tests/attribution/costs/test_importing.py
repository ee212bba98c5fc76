"""Imports of costs from the sandbox's reports."""

from datetime import date, timedelta
from io import StringIO
from typing import Any

import pytest
import requests
import time_machine
from django.core.management import CommandError, call_command
from django.db import IntegrityError
from django.utils import timezone
from pytest_django import Settings

from attribution.costs import importing, status, storage
from attribution.costs.amounts import yuan_of
from attribution.models import AdCost, Authorisation, CostAccount, CostImport, CreativeCost
from attribution.models.roll_ups import AdName
from attribution.platforms.cost_source import Remedy
from attribution.platforms.oceanengine.marketing import REMEDIES
from attribution.tasks import import_costs
from sandbox.vendors.ads import ADS
from tests.attribution.costs.conftest import ADVERTISERS, YESTERDAY, Marketing, expected, stored

FIRST = ADVERTISERS[0]
TODAY = YESTERDAY + timedelta(days=1)


def test_accounts_of_advertisers_organisations_and_agencies_are_found(connected: Marketing) -> None:
    found = CostAccount.objects.order_by("advertiser_id").values_list("advertiser_id", "name")

    assert list(found) == sorted(zip(ADVERTISERS, ["杭州学习科技", "深圳陪伴网络", ""], strict=True))


def test_day_is_stored_as_reported(connected: Marketing) -> None:
    log = connected.run()

    ad = ADS[0]
    row = AdCost.objects.get(ad_id=ad.promotion_id)
    clicks = row.cost_centifen // 15_000
    assert (log.problem, log.note, log.ads) == ("", "", len(expected(FIRST, YESTERDAY)))
    assert stored(FIRST, YESTERDAY) == expected(FIRST, YESTERDAY)
    assert (row.platform, row.advertiser_id, row.campaign_id) == ("oceanengine", FIRST, ad.project_id)
    assert (row.campaign_name, row.ad_name, row.source) == (ad.project_name, ad.promotion_name, "import")
    assert (row.impressions, row.clicks, row.conversions) == (clicks * 50, clicks, clicks // 12)
    assert row.counted == {
        "active": clicks // 12, "active_register": clicks // 20, "active_pay": clicks // 90,
        "game_pay_count": clicks // 70, "next_day_open": clicks // 30, "game_addiction": clicks // 40,
    }  # fmt: skip
    assert row.creatives.count() == 1 + ad.promotion_id % 3
    assert set(row.creatives.values_list("cost_centifen", flat=True)) == {row.cost_centifen * 2 // 3}


def test_names_are_those_of_the_newest_day(connected: Marketing) -> None:
    """An ad has a name in the statistics before anyone has clicked on it."""
    ad = ADS[0]
    newer = AdName(platform="oceanengine", level="campaign", platform_id=ad.project_id, name="new", seen_day=TODAY)
    newer.save()
    AdName.objects.create(
        platform="oceanengine", level="ad", platform_id=ad.promotion_id, name="old", seen_day=date(2026, 1, 1)
    )

    connected.run()

    names = AdName.objects.filter(platform_id__in=[ad.project_id, ad.promotion_id]).order_by("-level")
    assert list(names.values_list("name", "seen_day")) == [("new", TODAY), (ad.promotion_name, YESTERDAY)]
    assert AdName.objects.filter(level="ad").count() == len(expected(FIRST, YESTERDAY))


def test_old_structure_has_its_campaign_and_ad(connected: Marketing) -> None:
    connected.run(advertiser_id=ADVERTISERS[2])

    assert stored(ADVERTISERS[2], YESTERDAY) == expected(ADVERTISERS[2], YESTERDAY)


def test_same_report_again_changes_nothing_and_says_so(connected: Marketing) -> None:
    first = connected.run()
    keys = set(AdCost.objects.values_list("pk", flat=True))
    second = connected.run()

    total = sum(expected(FIRST, YESTERDAY).values())
    assert first.changes == [{"day": str(YESTERDAY), "ads": len(keys), "before": 0, "after": total}]
    assert second.changes == []
    assert set(AdCost.objects.values_list("pk", flat=True)) == keys


def test_report_replaces_what_was_known_of_the_day_uploads_included(connected: Marketing) -> None:
    connected.run()
    known = {"platform": "oceanengine", "day": YESTERDAY, "advertiser_id": FIRST, "campaign_id": 0}
    uploads = [{**known, "ad_id": 5, "cost_centifen": 7}, {**known, "day": YESTERDAY - timedelta(1), "ad_id": 5,
               "cost_centifen": 8}, {**known, "advertiser_id": 9, "ad_id": 5, "cost_centifen": 9}]  # fmt: skip
    storage.replace(uploads, source=AdCost.Source.UPLOAD, now=connected.now)
    AdCost.objects.filter(ad_id=ADS[0].promotion_id).update(cost_centifen=1)

    log = connected.run()

    total = sum(expected(FIRST, YESTERDAY).values())
    before = total - expected(FIRST, YESTERDAY)[ADS[0].promotion_id] + 1 + 7
    assert stored(FIRST, YESTERDAY) == expected(FIRST, YESTERDAY)
    assert stored(FIRST, YESTERDAY - timedelta(1)) == {5: 8}
    assert stored(9, YESTERDAY) == {5: 9}
    assert [(change["before"], change["after"]) for change in log.changes] == [(before, total)]


def test_pages_are_read_to_the_last(connected: Marketing) -> None:
    connected.order(promotions=2300)

    log = connected.run()

    assert (log.problem, log.ads) == ("", 2300 + len(expected(FIRST, YESTERDAY)))
    assert AdCost.objects.count() == log.ads
    assert CreativeCost.objects.count() > 2300


def test_long_spans_are_asked_for_in_parts(connected: Marketing) -> None:
    log = connected.run(since=YESTERDAY - timedelta(days=39))

    assert (log.problem, AdCost.objects.values("day").distinct().count()) == ("", 40)


def test_materials_that_are_refused_leave_the_costs(connected: Marketing) -> None:
    connected.fault("report", "error_in_200", code=40001, message="参数错误", match={"data_topic": "MATERIAL_DATA"})

    log = connected.run()

    assert (log.problem, log.note) == ("", "materials: code 40001: 参数错误")
    assert stored(FIRST, YESTERDAY) == expected(FIRST, YESTERDAY)
    assert CreativeCost.objects.count() == 0


HOUR = timedelta(hours=1)
AFTER = {
    Remedy.RETRY: timedelta(minutes=10), Remedy.REFRESH: HOUR, Remedy.AUTHORISE: HOUR, Remedy.OPERATOR: HOUR,
    Remedy.SKIP: 6 * HOUR, Remedy.STOP: 6 * HOUR,
}  # fmt: skip


@pytest.mark.parametrize("code", sorted({*REMEDIES, 99999} - {61002}))
def test_each_code_has_its_remedy(connected: Marketing, code: int) -> None:
    connected.fault("report", "error_in_200", code=code, message="words", match={"data_topic": "BASIC_DATA"})
    remedy = REMEDIES.get(code, Remedy.STOP)

    log = connected.run()

    account = CostAccount.objects.get(advertiser_id=FIRST)
    assert log.problem == account.problem == f"code {code}: words"
    assert (account.due_at - connected.now, account.claimed_until) == (AFTER[remedy], None)
    assert connected.refreshes() == (1 if remedy is Remedy.REFRESH else 0)
    assert AdCost.objects.count() == 0


def test_retried_code_is_asked_again_at_once(connected: Marketing) -> None:
    connected.fault("report", "error_in_200", code=40100, times=1)

    assert connected.run().problem == ""


def test_expired_access_token_is_refreshed_once(connected: Marketing) -> None:
    connected.fault("report", "error_in_200", code=40102, times=1)

    assert (connected.run().problem, connected.refreshes()) == ("", 1)
    assert stored(FIRST, YESTERDAY) == expected(FIRST, YESTERDAY)


def test_used_up_calls_postpone_all_accounts_to_the_next_day(connected: Marketing) -> None:
    connected.fault("report", "error_in_200", code=61002, message="quota")
    with time_machine.travel(connected.now, tick=False):
        connected.run()

    tomorrow = timezone.localdate(connected.now) + timedelta(days=1)
    dues = {timezone.localtime(due) for due in CostAccount.objects.values_list("due_at", flat=True)}
    assert [(due.date(), due.hour, due.minute) for due in dues] == [(tomorrow, 0, 5)]
    assert set(CostAccount.objects.values_list("problem", flat=True)) == {"code 61002: quota"}


@pytest.mark.parametrize("kind", ["reset_before", "cut", "garbage", "empty"])
def test_broken_answers_are_asked_again_and_never_half_stored(connected: Marketing, kind: str) -> None:
    connected.fault("report", kind)
    failed = connected.run()
    connected.end_faults()
    connected.fault("report", kind, times=1)
    mended = connected.run()

    assert failed.problem != ""
    assert mended.problem == ""
    assert stored(FIRST, YESTERDAY) == expected(FIRST, YESTERDAY)


def test_hang_is_given_up(connected: Marketing, settings: Settings) -> None:
    settings.OCEANENGINE_MARKETING_TIMEOUT_S = 0.3
    connected.fault("report", "hang")

    assert connected.run().problem == "Ocean Engine did not answer: ReadTimeout"


def test_failure_on_a_later_page_leaves_the_day_as_it_was(connected: Marketing) -> None:
    connected.run()
    connected.order(promotions=1500)
    connected.fault("report", "status", status=503, match={"page": 2})

    log = connected.run()

    assert log.problem == "HTTP 503"
    assert stored(FIRST, YESTERDAY) == expected(FIRST, YESTERDAY)


def test_due_accounts_are_imported_and_come_again_in_an_hour(connected: Marketing) -> None:
    is_all = importing.import_due(budget_s=60, clock=connected.clock)
    first = CostImport.objects.count()
    importing.import_due(budget_s=60, clock=connected.clock)
    again_at_once = CostImport.objects.count()
    connected.wait(hours=1, seconds=1)
    importing.import_due(budget_s=60, clock=connected.clock)

    assert (is_all, first, again_at_once, CostImport.objects.count()) == (True, 3, 3, 6)
    assert {log.until - log.since for log in CostImport.objects.all()} == {timedelta(days=7)}
    assert [stored(advertiser, YESTERDAY) for advertiser in ADVERTISERS] == [
        expected(advertiser, YESTERDAY) for advertiser in ADVERTISERS
    ]


def test_budget_leaves_the_rest_for_later(connected: Marketing) -> None:
    assert importing.import_due(budget_s=0, clock=connected.clock) is False
    assert CostImport.objects.count() == 0


def test_claimed_account_is_left_alone_until_its_owner_must_be_dead(connected: Marketing) -> None:
    CostAccount.objects.update(claimed_until=connected.now + timedelta(minutes=5))

    importing.import_due(budget_s=60, clock=connected.clock)
    while_owned = CostImport.objects.count()
    connected.wait(minutes=6)
    importing.import_due(budget_s=60, clock=connected.clock)

    assert (while_owned, CostImport.objects.count()) == (0, 3)


def test_switched_off_accounts_and_lost_authorisations_rest(connected: Marketing) -> None:
    CostAccount.objects.filter(advertiser_id=FIRST).update(is_enabled=False)
    importing.import_due(budget_s=60, clock=connected.clock)
    Authorisation.objects.update(lost_because="gone")
    connected.wait(hours=2)
    importing.import_due(budget_s=60, clock=connected.clock)

    assert CostImport.objects.count() == 2


def test_new_advertisers_of_an_agency_appear_within_a_day(connected: Marketing) -> None:
    CostAccount.objects.filter(advertiser_id=ADVERTISERS[2]).delete()
    importing.import_due(budget_s=60, clock=connected.clock)
    connected.wait(days=1, seconds=1)
    importing.import_due(budget_s=60, clock=connected.clock)

    assert CostAccount.objects.filter(advertiser_id=ADVERTISERS[2]).exists()


def test_accounts_move_to_the_newest_authorisation_and_keep_their_switch(connected: Marketing) -> None:
    CostAccount.objects.filter(advertiser_id=FIRST).update(is_enabled=False)
    connected.wait(minutes=1)
    newest = connected.connect()

    assert Authorisation.objects.get() == newest
    assert set(CostAccount.objects.values_list("authorisation", flat=True)) == {newest.pk}
    assert CostAccount.objects.get(advertiser_id=FIRST).is_enabled is False


def test_task_imports_what_is_due(connected: Marketing) -> None:
    import_costs()

    assert CostImport.objects.filter(problem="").count() == 3


def test_status_says_how_old_the_oldest_import_is(connected: Marketing) -> None:
    before = status.look(connected.now)
    importing.import_due(budget_s=60, clock=connected.clock)
    fresh = status.look(connected.now + timedelta(hours=1))
    stale = status.look(connected.now + timedelta(hours=27))

    assert (before.is_ok, before.facts["oldest_import_s"]) == (True, None)
    assert (fresh.is_ok, fresh.facts) == (
        True, {"accounts": 3, "failing": 0, "oldest_import_s": 3600.0, "authorise_again": 0},
    )  # fmt: skip
    assert stale.is_ok is False


class TestCommand:
    @pytest.fixture
    def run(self, connected: Marketing) -> Any:
        def run(*arguments: str) -> tuple[list[str], str]:
            out, err = StringIO(), StringIO()
            call_command("import_costs", *arguments, stdout=out, stderr=err)
            return out.getvalue().splitlines(), err.getvalue()

        return run

    def test_says_what_it_did_account_by_account(self, run: Any) -> None:
        lines, summary = run("--from", str(YESTERDAY), "--to", str(YESTERDAY))

        total = sum(expected(ADVERTISERS[0], YESTERDAY).values())
        assert [line.partition(" ")[0] for line in lines] == ["1/3", "2/3", "3/3"]
        assert (
            f"oceanengine {FIRST} 杭州学习科技: {YESTERDAY} – {YESTERDAY}, 4 ads and days, 1 days changed" in lines[0]
        )
        assert lines[0].endswith(f": ¥0.00 → ¥{yuan_of(total)}")
        assert "3 accounts imported, 0 failed" in summary

    def test_fails_when_an_account_does(self, run: Any, connected: Marketing) -> None:
        connected.fault("report", "error_in_200", code=40301, match={"advertiser_id": FIRST})

        with pytest.raises(SystemExit):
            run()

        assert CostImport.objects.exclude(problem="").count() == 1
        assert stored(ADVERTISERS[1], YESTERDAY) == expected(ADVERTISERS[1], YESTERDAY)

    def test_refuses_days_in_the_wrong_order(self, run: Any) -> None:
        with pytest.raises(CommandError, match="is after"):
            run("--from", str(YESTERDAY), "--to", str(YESTERDAY - timedelta(days=1)))


def test_database_refuses_negative_costs(db: None) -> None:
    with pytest.raises(IntegrityError, match="ad_cost_not_negative"):
        AdCost.objects.create(day=YESTERDAY, advertiser_id=1, cost_centifen=-1, stored_at=timezone.now())


def test_revoked_consent_says_authorise_again(connected: Marketing) -> None:
    requests.delete(f"{connected.url}/_costs", timeout=10)

    log = connected.run()

    assert log.problem == "Authorise again: code 40107: refresh_token 错误"
    assert Authorisation.objects.get().lost_because == "code 40107: refresh_token 错误"
