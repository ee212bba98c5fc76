import time

import requests

from tests.sandbox.conftest import SandboxClient
from tests.sandbox.vendors.test_ocean_engine import ADVERTISER_ID, ATTRIBUTION, CONVERSION, query, report


def test_conversion_is_kept_with_body_and_auth_headers(sandbox: SandboxClient) -> None:
    sandbox.post(CONVERSION, report(), **{"App-Access-Token": "token", "X-Signature": "abc", "X-Other": "1"})

    (conversion,) = sandbox.ledger()["conversions"]
    assert time.time() - conversion.pop("received_at") < 10
    assert conversion == {
        "event_type": "active_pay",
        "outer_event_id": "A-1",
        "advertiser_id": ADVERTISER_ID,
        "device_id": "device",
        "headers": {"App-Access-Token": "token", "x-signature": "abc"},
        "body": report(),
        "sends": 1,
        "identical_bodies": True,
    }


def test_repeated_send_is_counted_and_not_added(sandbox: SandboxClient) -> None:
    for _ in range(3):
        sandbox.post(CONVERSION, report())

    ledger = sandbox.ledger()
    assert [(each["sends"], each["identical_bodies"]) for each in ledger["conversions"]] == [(3, True)]
    assert ledger["duplicates"] == 2


def test_repeated_send_with_another_body_is_noticed(sandbox: SandboxClient) -> None:
    sandbox.post(CONVERSION, report())
    sandbox.post(CONVERSION, report(timestamp=1604888786103))

    (conversion,) = sandbox.ledger()["conversions"]
    assert (conversion["sends"], conversion["identical_bodies"]) == (2, False)
    assert conversion["body"] == report()


def test_conversions_without_outer_id_differ_by_time_and_event(sandbox: SandboxClient) -> None:
    active = report(outer_event_id="", event_type="active")
    for each in (active, active, {**active, "timestamp": 1604888786103}, {**active, "event_type": "active_register"}):
        sandbox.post(CONVERSION, each)

    ledger = sandbox.ledger()
    assert [(each["event_type"], each["sends"]) for each in ledger["conversions"]] == [
        ("active", 2),
        ("active", 1),
        ("active_register", 1),
    ]


def test_filters_choose_conversions(sandbox: SandboxClient) -> None:
    for event_type, order in (("active_pay", "A-1"), ("active_pay", "A-2"), ("purchase_roi", "A-2")):
        sandbox.post(CONVERSION, report(event_type=event_type, outer_event_id=order))

    found = {
        name: [(each["event_type"], each["outer_event_id"]) for each in sandbox.ledger(**query)["conversions"]]
        for name, query in {
            "event": {"event_type": "active_pay"},
            "order": {"outer_event_id": "A-2"},
            "both": {"event_type": "active_pay", "outer_event_id": "A-2"},
        }.items()
    }

    assert found == {
        "event": [("active_pay", "A-1"), ("active_pay", "A-2")],
        "order": [("active_pay", "A-2"), ("purchase_roi", "A-2")],
        "both": [("active_pay", "A-2")],
    }


def test_limit_keeps_the_newest_and_the_totals(sandbox: SandboxClient) -> None:
    for number in range(3):
        sandbox.post(ATTRIBUTION, query(f"device-{number}"))

    newest, none = sandbox.ledger(limit=1), sandbox.ledger(limit=0)

    assert [lookup["device_id"] for lookup in newest["lookups"]] == ["device-2"]
    assert none == {
        "conversions": [],
        "lookups": [],
        "chats": [],
        "refused": [],
        "duplicates": 0,
        "totals": {"conversions": 0, "lookups": 3, "chats": 0, "refused": 0},
    }


def test_refused_request_is_kept_as_it_came(sandbox: SandboxClient) -> None:
    requests.post(sandbox.url + CONVERSION, b"\xff{", timeout=5)

    (refused,) = sandbox.ledger()["refused"]
    assert time.time() - refused.pop("received_at") < 10
    assert refused == {"on": "conversion", "reason": 100, "headers": {}, "body": "\ufffd{"}


def test_delete_empties_it(sandbox: SandboxClient) -> None:
    sandbox.post(CONVERSION, report())
    sandbox.post(CONVERSION, report())

    response = requests.delete(sandbox.url + "/_ledger", timeout=5)

    assert response.status_code == 204
    assert sandbox.ledger()["duplicates"] == 0
    assert sandbox.ledger()["totals"] == {"conversions": 0, "lookups": 0, "chats": 0, "refused": 0}
