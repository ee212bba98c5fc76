from datetime import timedelta

import pytest
from pytest_django import Settings

from foundation.alerts import purging
from foundation.alerts.models import Incident, Notice
from tests.foundation.alerts.conftest import World


@pytest.mark.django_db
def test_incidents_go_with_their_messages_when_their_time_is_over(
    world: World, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(purging, "BATCH_ROWS", 2)
    settings.ALERT_RETENTION_DAYS = 30
    world.set_rule(over_after_minutes=0)
    world.channel()
    world.bad = {"open": 1, **{str(number): 1 for number in range(5)}}
    world.round()
    world.bad = {"open": 1}
    world.round(minutes=1)

    assert purging.delete_incidents(world.now + timedelta(days=30)) == 0
    assert purging.delete_incidents(world.now + timedelta(days=31)) == 5
    assert list(Incident.objects.values_list("key", flat=True)) == ["open"]
    assert Notice.objects.count() == 1
