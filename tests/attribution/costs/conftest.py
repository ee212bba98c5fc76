"""The sandbox's Marketing API, and an authorisation of it."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import requests
from django.utils import timezone
from pytest_django import Settings

from attribution.costs import connecting, importing
from attribution.models import AdCost, Authorisation, CostAccount, CostImport
from sandbox.vendors.ads import ADS
from sandbox.vendors.marketing import cost_centifen
from tests.servers import Server

ADVERTISERS = list(dict.fromkeys(ad.advertiser_id for ad in ADS))
YESTERDAY = timezone.localdate() - timedelta(days=1)


@dataclass
class Marketing:
    """A clock that only `wait` moves, ahead of the sandbox's, whose tokens expire by real time."""

    url: str
    now: datetime

    def clock(self) -> datetime:
        return self.now

    def wait(self, **length: float) -> None:
        self.now += timedelta(**length)

    def fault(self, on: str, kind: str, **parameters: Any) -> None:
        requests.post(f"{self.url}/_faults", json={"on": on, "kind": kind, **parameters}, timeout=10).raise_for_status()

    def end_faults(self) -> None:
        requests.delete(f"{self.url}/_faults", timeout=10).raise_for_status()

    def order(self, **order: Any) -> None:
        requests.post(f"{self.url}/_costs", json=order, timeout=10).raise_for_status()

    def refreshes(self) -> int:
        found: int = requests.get(f"{self.url}/_costs", timeout=10).json()["refreshes"]
        return found

    def code(self) -> str:
        """The code with which the vendor's page sends a person back."""
        query = {"app_id": "1", "redirect_uri": "https://here.example/", "state": "s"}
        page = requests.get(f"{self.url}/openapi/audit/oauth.html", params=query, allow_redirects=False, timeout=10)
        return page.headers["Location"].partition("auth_code=")[2].partition("&")[0]

    def connect(self) -> Authorisation:
        return connecting.connect("oceanengine", self.code(), user_id=None, clock=self.clock)

    def run(
        self, *, advertiser_id: int = ADVERTISERS[0], since: date = YESTERDAY, until: date = YESTERDAY
    ) -> CostImport:
        account = CostAccount.objects.get(advertiser_id=advertiser_id)
        return importing.import_account(account, since=since, until=until, clock=self.clock)


@pytest.fixture
def marketing(sandbox_server: Server, settings: Settings) -> Marketing:
    settings.OCEANENGINE_MARKETING_BASE_URL = settings.OCEANENGINE_OAUTH_BASE_URL = sandbox_server.url
    settings.OCEANENGINE_APP_ID, settings.OCEANENGINE_APP_SECRET = "1", "secret"
    settings.COST_RETRY_DELAYS_S = [0]
    for path in ("_faults", "_costs"):
        requests.delete(f"{sandbox_server.url}/{path}", timeout=10).raise_for_status()
    return Marketing(url=sandbox_server.url, now=datetime.now(tz=UTC))


@pytest.fixture
def connected(marketing: Marketing, db: None) -> Marketing:
    marketing.connect()
    return marketing


def expected(advertiser_id: int, day: date) -> dict[int, int]:
    """What each ad cost, as the sandbox has it."""
    ids = [ad.promotion_id or ad.aid for ad in ADS if ad.advertiser_id == advertiser_id]
    return {ad_id: cost_centifen(ad_id, day) for ad_id in ids}


def stored(advertiser_id: int, day: date) -> dict[int, int]:
    rows = AdCost.objects.filter(advertiser_id=advertiser_id, day=day)
    return dict(rows.values_list("ad_id", "cost_centifen"))
