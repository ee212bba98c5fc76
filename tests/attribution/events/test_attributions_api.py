"""`/api/attributions/{user_id}/`: which ad a user came from."""

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from attribution.models import App, Attribution
from tests.attribution.conftest import NOW, server_client, user_client


def attribute(app: App, user_id: str) -> Attribution:
    return Attribution.objects.create(
        app=app, user_id=user_id, is_attributed=True, source="platform", reason="platform", callback_param="secret",
        platform="oceanengine", advertiser_id=1768433294857219, campaign_id=7384520193847263251,
        campaign_name="秋季拉新", activated_at=NOW, asked_at=NOW, attributed_at=NOW,
        platform_ad={"project_id": 7384520193847263251, "project_name": "秋季拉新"},
    )  # fmt: skip


def test_ad_is_shown_without_its_callback(client: APIClient, app: App) -> None:
    attribute(app, "u-1")

    shown = client.get("/api/attributions/u-1/").json()

    now = timezone.localtime(NOW).isoformat()
    assert shown == {
        "user_id": "u-1", "attributed": True, "source": "platform", "reason": "platform", "detail": "",
        "advertiser_id": "1768433294857219", "project_id": "7384520193847263251", "project_name": "秋季拉新",
        "promotion_id": None, "promotion_name": "", "campaign_id": None, "campaign_name": "", "aid": None,
        "aid_name": "", "cid": None, "cid_name": "", "touched_at": None, "activated_at": now, "attributed_at": now,
        "click_to_install_s": None, "suspicious": False, "asked_at": now,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("user_id", "path"),
    [
        ("u/1", "u%2F1"),
        ("u/1", "u/1"),
        ("/", "%2F"),
        ("a/b/", "a%2Fb%2F"),
        ("u 1", "u%201"),
        ("u%2F1", "u%252F1"),
        ("游戏?1#", "%E6%B8%B8%E6%88%8F%3F1%23"),
    ],
)
def test_every_user_id_that_events_accept_can_be_queried(client: APIClient, app: App, user_id: str, path: str) -> None:
    attribute(app, user_id)

    answer = client.get(f"/api/attributions/{path}/")

    assert (answer.status_code, answer.json().get("user_id")) == (200, user_id)


def test_user_whom_nobody_asked_about_is_not_found(client: APIClient) -> None:
    assert client.get("/api/attributions/u-9/").status_code == 404


def test_key_without_an_app_names_one_in_the_query(app: App) -> None:
    attribute(app, "u-1")

    assert server_client(None).get("/api/attributions/u-1/").status_code == 404
    assert server_client(None).get("/api/attributions/u-1/?app=demo").json()["user_id"] == "u-1"
    assert server_client(None).get("/api/attributions/u-1/?app=none").status_code == 404


def test_key_of_an_app_sees_no_user_of_another(client: APIClient) -> None:
    attribute(App.objects.create(slug="other"), "u-1")

    assert client.get("/api/attributions/u-1/").status_code == 404
    assert client.get("/api/attributions/u-1/?app=other").status_code == 404


def test_token_sees_its_own_user_only(app: App) -> None:
    attribute(app, "u-1")
    attribute(app, "u-2")

    assert user_client(app, "u-1").get("/api/attributions/u-1/").status_code == 200
    assert user_client(app, "u-1").get("/api/attributions/u-2/").status_code == 404
