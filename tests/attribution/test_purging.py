import uuid
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone
from pytest_django import Settings

from attribution import purging
from attribution.models import App, Attempt, Attribution, Click, ClickKey, Conversion, State

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
EXPIRED, KEPT = NOW - timedelta(days=10, seconds=1), NOW - timedelta(days=10)


@pytest.fixture
def app(settings: Settings) -> App:
    for name in ("CLICK", "DEVICE_ID", "ATTEMPT", "CONVERSION"):
        setattr(settings, f"{name}_RETENTION_DAYS", 10)
    return App.objects.create(slug="demo")


def click(app: App, received_at: datetime) -> Click:
    return Click.objects.create(app=app, received_at=received_at, clicked_at=received_at)


def test_delete_keys_of_clicks(app: App) -> None:
    ClickKey.objects.create(key=uuid.uuid4(), received_at=EXPIRED)
    kept = ClickKey.objects.create(key=uuid.uuid4(), received_at=KEPT)

    counts = [purging.delete_click_keys(NOW), purging.delete_click_keys(NOW)]

    assert (counts, list(ClickKey.objects.all())) == ([1, 0], [kept])


def conversion(
    app: App, received_at: datetime, state: State = State.REPORTED, due_at: datetime | None = None
) -> Conversion:
    return Conversion.objects.create(
        app=app,
        dedup_key=uuid.uuid4(),
        user_id="u",
        event="active",
        os="android",
        occurred_at=received_at,
        received_at=received_at,
        give_up_at=received_at,
        device="ids",
        device_digest=b"digest",
        body="body",
        state=state,
        due_at=due_at,
    )


def attempt(of: Conversion, started_at: datetime) -> Attempt:
    return Attempt.objects.create(conversion=of, kind=Attempt.Kind.REPORT, started_at=started_at)


def test_delete_clicks_in_several_batches(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(purging, "BATCH_ROWS", 3)
    for _ in range(7):
        click(app, EXPIRED)
    kept = click(app, KEPT)

    counts = [purging.delete_clicks(NOW), purging.delete_clicks(NOW)]

    assert counts == [7, 0]
    assert list(Click.objects.all()) == [kept]


def test_delete_clicks_keeps_attributions(app: App) -> None:
    attribution = Attribution.objects.create(
        app=app, user_id="u", asked_at=NOW, activated_at=NOW, click=click(app, EXPIRED), ad_id=5
    )

    purging.delete_clicks(NOW)

    attribution.refresh_from_db()
    assert (attribution.click_id, attribution.ad_id) == (None, 5)


def test_erase_device_ids_of_finished_conversions(app: App) -> None:
    expired = conversion(app, EXPIRED)
    others = [
        conversion(app, KEPT),
        conversion(app, EXPIRED, State.HELD),
        conversion(app, EXPIRED, State.ORGANIC, due_at=timezone.now()),
    ]

    counts = [purging.erase_device_ids(NOW), purging.erase_device_ids(NOW)]

    stored = {row.pk: (row.device, row.device_digest, row.body) for row in Conversion.objects.all()}
    assert counts == [1, 0]
    assert stored[expired.pk] == ("", None, "")
    assert [stored[row.pk][0] for row in others] == ["ids"] * 3


def test_delete_attempts_keeps_their_conversion(app: App) -> None:
    of = conversion(app, EXPIRED)
    attempt(of, EXPIRED)
    kept = attempt(of, KEPT)

    count = purging.delete_attempts(NOW)

    assert (count, list(Attempt.objects.all()), Conversion.objects.count()) == (1, [kept], 1)


def test_delete_conversions_with_their_attempts(app: App) -> None:
    attempt(conversion(app, EXPIRED), EXPIRED)
    kept = [conversion(app, KEPT), conversion(app, EXPIRED, State.PENDING, due_at=NOW)]

    count = purging.delete_conversions(NOW)

    assert (count, Attempt.objects.count()) == (1, 0)
    assert set(Conversion.objects.all()) == set(kept)
