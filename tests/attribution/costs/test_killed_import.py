"""`manage.py import_costs`, killed in the middle of a day."""

import os
import signal
import subprocess
import sys
from datetime import timedelta

import psycopg
import pytest
from django.db import connection
from django.db.models import Count
from django.utils import timezone

from attribution.models import AdCost, CostAccount, CostImport
from tests import servers
from tests.attribution.costs.conftest import ADVERTISERS, Marketing, expected


@pytest.mark.django_db(transaction=True)
def test_killed_import_leaves_no_half_day(marketing: Marketing) -> None:
    """Two of eight days are stored, and the third waits for a row that we hold, when the process dies."""
    marketing.connect()
    marketing.order(promotions=200)
    CostAccount.objects.exclude(advertiser_id=ADVERTISERS[0]).update(is_enabled=False)
    third = timezone.localdate() - timedelta(days=5)
    AdCost.objects.create(
        day=third, platform="oceanengine", advertiser_id=ADVERTISERS[0], ad_id=5, cost_centifen=7,
        source=AdCost.Source.UPLOAD, stored_at=timezone.now(),
    )  # fmt: skip
    environment = os.environ | {
        "DATABASE_URL": servers.database_url(), "OCEANENGINE_OAUTH_BASE_URL": marketing.url,
        "OCEANENGINE_MARKETING_BASE_URL": marketing.url, "OCEANENGINE_APP_ID": "1", "OCEANENGINE_APP_SECRET": "secret",
    }  # fmt: skip
    command = [sys.executable, "manage.py", "import_costs"]

    with psycopg.connect(servers.database_url()) as held:
        held.execute("SELECT 1 FROM attribution_adcost WHERE ad_id = 5 FOR UPDATE")
        process = subprocess.Popen(command, cwd=servers.ROOT, env=environment, stdout=subprocess.DEVNULL)
        waiting = (
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%attribution_adcost%'"
        )

        def waiters() -> int:
            with connection.cursor() as cursor:
                cursor.execute(waiting)
                return int(cursor.fetchone()[0])

        blocked = servers.eventually(waiters, bool)
        process.send_signal(signal.SIGKILL)
        process.wait()

    ads = len(expected(ADVERTISERS[0], third)) + 200
    per_day = AdCost.objects.values("day").annotate(ads=Count("pk")).order_by("day").values_list("ads", flat=True)
    assert blocked == 1
    assert list(per_day.all()) == [ads, ads, 1]
    assert CostImport.objects.get().finished_at is None

    CostAccount.objects.update(claimed_until=None)
    subprocess.run(command, cwd=servers.ROOT, env=environment, check=True, stdout=subprocess.DEVNULL)

    assert list(per_day.all()) == [ads] * 8
