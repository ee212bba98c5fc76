"""Statements over many rows."""

import uuid
from typing import Any

import pytest

from attribution.models import App, Attribution, Conversion
from foundation.database import bulk
from tests.attribution.conftest import NOW

pytestmark = pytest.mark.django_db


@pytest.fixture
def app() -> App:
    return App.objects.create(slug="demo")


def conversion(app: App, key: int, **fields: object) -> Conversion:
    fields = {"user_id": "u-1", "event": "active", "os": "ios", "device_digest": b"\x00\xff\\"} | fields
    times = dict.fromkeys(["occurred_at", "received_at", "due_at", "give_up_at"], NOW)
    return Conversion(app=app, dedup_key=uuid.UUID(int=key), **times, **fields)


def attribution(app: App, **fields: object) -> Attribution:
    return Attribution(app=app, user_id="u-1", activated_at=NOW, asked_at=NOW, **fields)


def test_insert_new_keeps_every_value(app: App) -> None:
    row = conversion(app, 1, user_id='"\\\n学习\U0001f680', amount_fen=2**60, lease_token=uuid.uuid4())

    new = bulk.insert_new([row], unique=["dedup_key"])

    stored: dict[str, Any] = {**Conversion.objects.values().get()}
    assert new == {row.pk}
    assert stored | {"device_digest": bytes(stored["device_digest"])} == {name: getattr(row, name) for name in stored}


def test_insert_new_tells_new_rows_from_known_ones(app: App) -> None:
    known, new, twice = conversion(app, 1), conversion(app, 2), conversion(app, 2)
    bulk.insert_new([known], unique=["dedup_key"])

    found = bulk.insert_new([conversion(app, 1), new, twice], unique=["dedup_key"])

    assert len(found) == 1
    assert found <= {new.pk, twice.pk}
    assert Conversion.objects.count() == 2


def test_update_writes_only_behind_its_guard(app: App) -> None:
    mine, theirs = (conversion(app, key, lease_token=uuid.uuid4()) for key in (1, 2))
    bulk.insert_new([mine, theirs], unique=["dedup_key"])
    theirs.lease_token = uuid.uuid4()
    for row in (mine, theirs):
        row.state = "reported"

    written = bulk.update([mine, theirs], ["state"], guard="lease_token", clear_guard=True)

    assert written == {mine.pk}
    found = Conversion.objects.order_by("dedup_key").values_list("state", "lease_token")
    assert [(state, token is None) for state, token in found] == [("reported", True), ("pending", False)]


def test_upsert_overwrites_unless_the_flag_is_set(app: App) -> None:
    [first] = bulk.upsert([attribution(app, reason="no_click")], unique=["app", "user_id"], unless="is_attributed")
    ad = attribution(app, is_attributed=True, callback_param="cb", reason="platform")
    [second] = bulk.upsert([ad], unique=["app", "user_id"], unless="is_attributed")
    third = bulk.upsert([attribution(app, reason="no_click")], unique=["app", "user_id"], unless="is_attributed")

    assert (first.pk, third) == (second.pk, [])
    assert list(Attribution.objects.values_list("pk", "reason", "callback_param")) == [(first.pk, "platform", "cb")]
