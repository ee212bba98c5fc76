"""The sandbox's Marketing API."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
import requests

from sandbox.vendors.ads import ADS
from sandbox.vendors.marketing import ADVERTISERS, CHINA, cost_centifen
from tests.sandbox.conftest import TIMEOUT_S, SandboxClient

YESTERDAY = str(datetime.now(tz=CHINA).date() - timedelta(days=1))
APP = {"app_id": "1", "secret": "s"}


@pytest.fixture
def token(sandbox: SandboxClient) -> str:
    requests.delete(f"{sandbox.url}/_costs", timeout=TIMEOUT_S)
    return str(new_pair(sandbox)["access_token"])


def consent(sandbox: SandboxClient) -> str:
    query = {"app_id": "1", "redirect_uri": "https://app.example/back", "state": "a b"}
    page = requests.get(
        f"{sandbox.url}/openapi/audit/oauth.html", params=query, allow_redirects=False, timeout=TIMEOUT_S
    )
    return page.headers["Location"]


def new_pair(sandbox: SandboxClient) -> dict[str, Any]:
    code = consent(sandbox).partition("auth_code=")[2].partition("&")[0]
    return ask(sandbox, "access_token", auth_code=code)["data"]  # type: ignore[no-any-return]


def ask(sandbox: SandboxClient, endpoint: str, **fields: str) -> dict[str, Any]:
    return sandbox.post(f"/open_api/oauth2/{endpoint}/", {**APP, **fields}).json()  # type: ignore[no-any-return]


def report(sandbox: SandboxClient, token: str, **changes: Any) -> dict[str, Any]:
    asked: dict[str, Any] = {
        "advertiser_id": ADVERTISERS[0], "data_topic": "BASIC_DATA", "start_time": YESTERDAY, "end_time": YESTERDAY,
        "dimensions": json.dumps(["stat_time_day", "cdp_project_id", "cdp_promotion_id"]),
        "metrics": json.dumps(["stat_cost", "show_cnt"]), "filters": "[]", "order_by": "[]", "page_size": 2,
    } | changes  # fmt: skip
    url = f"{sandbox.url}/open_api/v3.0/report/custom/get/"
    answer = requests.get(url, params=asked, headers={"Access-Token": token}, timeout=TIMEOUT_S)
    return answer.json()  # type: ignore[no-any-return]


def test_consent_sends_back_with_code_and_state(sandbox: SandboxClient) -> None:
    address = consent(sandbox)

    assert address.startswith("https://app.example/back?auth_code=code-")
    assert address.endswith("&state=a%20b")


def test_code_is_good_once(sandbox: SandboxClient, token: str) -> None:
    code = consent(sandbox).partition("auth_code=")[2].partition("&")[0]

    answers = [ask(sandbox, "access_token", auth_code=code)["code"] for _ in range(2)]

    assert answers == [0, 40001]


def test_refresh_kills_both_old_tokens(sandbox: SandboxClient, token: str) -> None:
    old = new_pair(sandbox)
    new = ask(sandbox, "refresh_token", refresh_token=old["refresh_token"])["data"]

    again = ask(sandbox, "refresh_token", refresh_token=old["refresh_token"])
    codes = [report(sandbox, pair["access_token"])["code"] for pair in (old, new)]

    assert again["code"] == 40107
    assert codes == [40105, 0]


def test_tokens_expire(sandbox: SandboxClient, token: str) -> None:
    sandbox.post("/_costs", {"access_s": 0, "refresh_s": 0})
    pair = new_pair(sandbox)

    assert report(sandbox, pair["access_token"])["code"] == 40102
    assert ask(sandbox, "refresh_token", refresh_token=pair["refresh_token"])["code"] == 40103
    assert report(sandbox, "")["code"] == 40104


def test_report_has_texts_and_pages(sandbox: SandboxClient, token: str) -> None:
    pages = [report(sandbox, token, page=page)["data"] for page in (1, 2)]

    ad = ADS[0]
    cost = cost_centifen(ad.promotion_id, datetime.fromisoformat(YESTERDAY).date())
    assert [page["page_info"] for page in pages] == [
        {"page": page, "page_size": 2, "total_number": 4, "total_page": 2} for page in (1, 2)
    ]
    assert pages[0]["rows"][0] == {
        "dimensions": {
            "stat_time_day": YESTERDAY,
            "cdp_project_id": str(ad.project_id),
            "cdp_promotion_id": str(ad.promotion_id),
        },
        "metrics": {"stat_cost": f"{cost // 10_000}.{cost % 10_000:04}", "show_cnt": str(cost // 15_000 * 50)},
    }
    assert len({row["dimensions"]["cdp_promotion_id"] for page in pages for row in page["rows"]}) == 4


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"dimensions": '["nothing"]'}, 40001),
        ({"dimensions": "x"}, 40001),
        ({"order_by": ""}, 40001),
        ({"start_time": "2026-01-01"}, 40001),
        ({"page_size": 1001}, 40001),
        ({"advertiser_id": 7}, 40002),
    ],
)
def test_report_is_strict(sandbox: SandboxClient, token: str, changes: dict[str, Any], code: int) -> None:
    assert report(sandbox, token, **changes)["code"] == code


def test_faults_are_of_a_page_or_an_advertiser(sandbox: SandboxClient, token: str) -> None:
    sandbox.fault("report", "error_in_200", code=61002, match={"page": 2})
    sandbox.fault("report", "status", status=503, match={"advertiser_id": ADVERTISERS[1]})

    codes = [report(sandbox, token, page=page)["code"] for page in (1, 2)]

    assert codes == [0, 61002]
    assert report(sandbox, token, advertiser_id=ADVERTISERS[1])["code"] == 50000


def test_cut_answer_is_half(sandbox: SandboxClient, token: str) -> None:
    sandbox.fault("report", "cut", times=1)

    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        report(sandbox, token)


def test_wrong_order_is_named(sandbox: SandboxClient, token: str) -> None:
    assert "promotions" in sandbox.post("/_costs", {"promotions": -1}).json()["error"]
