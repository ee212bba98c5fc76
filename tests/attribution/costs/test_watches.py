"""What people are told when imports fail."""

from attribution.costs import importing
from attribution.models import Authorisation, CostAccount
from foundation.hooks import alerts
from foundation.hooks.alerts import Cause
from tests.attribution.costs.conftest import ADVERTISERS, Marketing


def causes(kind: str, marketing: Marketing) -> list[Cause]:
    watch = alerts.watches()[kind]
    return list(watch.check(watch.threshold, marketing.now))


def test_account_whose_imports_fail_for_hours_is_told(connected: Marketing) -> None:
    importing.import_due(budget_s=60, clock=connected.clock)
    well = causes("cost_import", connected)
    connected.fault("report", "error_in_200", code=61003, message="限制", match={"advertiser_id": ADVERTISERS[0]})
    connected.wait(hours=1, seconds=1)
    importing.import_due(budget_s=60, clock=connected.clock)
    soon_after = causes("cost_import", connected)
    connected.wait(hours=3)

    account = CostAccount.objects.get(advertiser_id=ADVERTISERS[0])
    assert (well, soon_after) == ([], [])
    assert causes("cost_import", connected) == [
        Cause(
            key=str(account.pk),
            number=4,
            words={"account": "杭州学习科技", "problem": "code 61003: 限制"},
            path=f"/admin/attribution/costaccount/{account.pk}/change/",
        )
    ]


def test_lost_and_ending_authorisations_are_told(connected: Marketing) -> None:
    valid = causes("authorisation", connected)
    connected.wait(days=27, seconds=1)
    [ending] = causes("authorisation", connected)
    Authorisation.objects.update(lost_because="code 40107: words")
    [lost] = causes("authorisation", connected)

    assert valid == []
    assert (ending.key, lost.words["why"]) == (lost.key, "code 40107: words")
    assert lost.path == "/admin/costs/connect/oceanengine/"
