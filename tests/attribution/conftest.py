"""Clients of the API, and a sandbox for tests that run the delivery in their own process with a clock that they set."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from django.utils import timezone
from pytest_django import Settings
from rest_framework.test import APIClient

from attribution.delivery import rounds
from attribution.events import intake
from attribution.events.reported import ReportedEvent
from attribution.models import App, Conversion
from foundation.access import tokens
from foundation.access.credentials import Credential
from foundation.access.models import ApiKey
from tests.servers import Server

NOW = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
ANDROID_ID = "5f8c1e0b7a92d346"


@dataclass(kw_only=True)
class Pipeline:
    """Takes a conversion through the pipeline step by step: `report`, `deliver`, and a clock that only `wait` moves."""

    url: str
    app: App
    now: datetime = NOW

    def report(self, event: str = "active", *, user: str = "u-1", **fields: Any) -> Conversion:
        usual: dict[str, Any] = {"os": "android", "device": {"android_id": ANDROID_ID}, "occurred_at": self.now}
        fields = usual | fields
        if event == "active_pay":
            fields = {"amount_fen": 1999, "outer_event_id": "order-1"} | fields
        [receipt] = intake.receive(
            [ReportedEvent(app_id=self.app.pk, user_id=user, event=event, **fields)], now=self.now
        )
        return Conversion.objects.get(pk=receipt.id)

    def deliver(self) -> int:
        """Deliver what is due now; returns how many rows were claimed."""
        return rounds.deliver_due(budget_s=60, clock=lambda: self.now).rows

    def wait(self, **length: float) -> None:
        self.now += timedelta(**length)

    def deliver_when_due(self, conversion: Conversion) -> None:
        """Wait for the conversion's next attempt, and make it."""
        conversion.refresh_from_db()
        assert conversion.due_at is not None
        self.now = max(self.now, conversion.due_at)
        self.deliver()
        conversion.refresh_from_db()

    def fault(self, on: str, kind: str, **parameters: Any) -> None:
        requests.post(f"{self.url}/_faults", json={"on": on, "kind": kind, **parameters}, timeout=10).raise_for_status()

    def end_faults(self) -> None:
        requests.delete(f"{self.url}/_faults", timeout=10).raise_for_status()

    def device(self, device_id: str, **rule: Any) -> dict[str, Any]:
        answer = requests.post(f"{self.url}/_devices", json={"device_id": device_id, **rule}, timeout=10)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    def ledger(self) -> dict[str, Any]:
        found: dict[str, Any] = requests.get(f"{self.url}/_ledger", timeout=10).json()
        return found

    def reports(self) -> list[tuple[str, int]]:
        """What the platform received: event types, and how often each was sent."""
        return [(found["event_type"], found["sends"]) for found in self.ledger()["conversions"]]


@pytest.fixture
def pipeline(sandbox_server: Server, settings: Settings, db: None) -> Pipeline:
    settings.OCEANENGINE_BASE_URL = sandbox_server.url
    for path in ("_faults", "_ledger", "_devices"):
        requests.delete(f"{sandbox_server.url}/{path}", timeout=10).raise_for_status()
    app = App.objects.create(slug="demo", android_package="com.example.demo", ios_bundle="com.example.ios")
    return Pipeline(url=sandbox_server.url, app=app)


@pytest.fixture
def app(db: None) -> App:
    return App.objects.create(slug="demo")


@pytest.fixture
def client(app: App) -> APIClient:
    return server_client(app)


def server_client(app: App | None) -> APIClient:
    key = ApiKey.objects.issue(caller="backend", app_slug=app.slug if app else "", is_throttled=False)
    return APIClient(HTTP_AUTHORIZATION=f"Bearer {key}", HTTP_USER_AGENT="app/1.0")


def user_client(app: App | None, user_id: str) -> APIClient:
    credential = Credential(name="backend", caller_id=None, app_id=app.pk if app else None, is_throttled=False)
    token = tokens.mint(credential, user_id=user_id, ttl_s=60, now=timezone.now())
    return APIClient(HTTP_AUTHORIZATION=f"Bearer {token}")
