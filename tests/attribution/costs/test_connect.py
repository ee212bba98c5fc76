"""Connecting accounts in the admin, by way of the platform's page."""

from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
import time_machine
from django.contrib.auth.models import Group, User
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from attribution.models import AdCost, Authorisation, CostAccount, CostImport
from tests.attribution.costs.conftest import ADVERTISERS, YESTERDAY, Marketing

CALLBACK = "/admin/costs/callback/oceanengine/"


def member(group: str, name: str = "person") -> Client:
    user = User.objects.create(username=name, is_staff=True)
    user.groups.add(Group.objects.get(name=group))
    browser = Client()
    browser.force_login(user)
    return browser


@pytest.fixture
def operator(db: None) -> Client:
    return member("Operators")


def link(browser: Client) -> str:
    """The address to which the page sends people."""
    return str(browser.get("/admin/costs/connect/oceanengine/").context["authorise_url"])


def grant(address: str) -> str:
    """Grant access as a person does on the platform's page; returns the address they are sent to, without our host."""
    page = requests.get(address, allow_redirects=False, timeout=10)
    back = urlsplit(page.headers["Location"])
    assert f"{back.scheme}://{back.netloc}{back.path}" == f"https://rivermouth.test{CALLBACK}"
    return f"{back.path}?{back.query}"


def said(browser: Client, address: str) -> str:
    return browser.get(address, follow=True).content.decode()


def test_operator_connects_accounts_and_their_costs_come(marketing: Marketing, operator: Client) -> None:
    page = said(operator, grant(link(operator)))

    assert "3 accounts are connected." in page
    assert "杭州学习科技" in page
    authorisation = Authorisation.objects.get()
    assert authorisation.authorised_by == User.objects.get()
    assert set(CostAccount.objects.values_list("advertiser_id", flat=True)) == set(ADVERTISERS)


def test_link_names_app_state_and_callback(marketing: Marketing, operator: Client) -> None:
    address = urlsplit(link(operator))

    query = {name: values[0] for name, values in parse_qs(address.query).items()}
    assert address.path == "/openapi/audit/oauth.html"
    assert (query["app_id"], query["redirect_uri"], len(query["state"])) == (
        "1", f"https://rivermouth.test{CALLBACK}", 32,
    )  # fmt: skip


def test_state_is_good_once_for_its_session_and_for_a_while(marketing: Marketing, operator: Client) -> None:
    """Otherwise another person's code, with a state that we never issued, would connect a stranger's accounts."""
    refusal = "This is not the answer to a connection that you began here. Begin again."
    stranger = member("Operators", "stranger")
    used, foreign = grant(link(operator)), grant(link(stranger))
    operator.get(used)
    late = grant(link(operator))

    assert refusal in said(operator, used)
    assert refusal in said(operator, foreign)
    assert refusal in said(operator, f"{CALLBACK}?auth_code=x")
    with time_machine.travel(timezone.now().timestamp() + 1801):
        operator.force_login(User.objects.get(username="person"))
        assert refusal in said(operator, late)
    assert Authorisation.objects.count() == 1


def test_two_tabs_both_come_back(marketing: Marketing, operator: Client) -> None:
    first, second = link(operator), link(operator)

    assert "3 accounts are connected." in said(operator, grant(first))
    assert "3 accounts are connected." in said(operator, grant(second))


def test_refusals_of_the_platform_are_shown(marketing: Marketing, operator: Client) -> None:
    address = link(operator)
    state = parse_qs(urlsplit(address).query)["state"][0]
    no_code = said(operator, f"{CALLBACK}?state={state}")
    marketing.fault("oauth", "error_in_200", code=40001, message="auth_code 无效", times=1)
    refused = said(operator, grant(link(operator)))

    assert "The platform sent no code: access was not granted." in no_code
    assert "The platform did not go along: code 40001: auth_code 无效" in refused
    assert Authorisation.objects.count() == 0


def test_tokens_are_kept_where_the_accounts_cannot_be_read_yet(marketing: Marketing, operator: Client) -> None:
    marketing.fault("accounts", "status", status=503)
    page = said(operator, grant(link(operator)))

    assert "The platform did not go along: HTTP 503" in page
    assert Authorisation.objects.get().accounts_read_at is None


def test_page_says_what_has_to_be_set(marketing: Marketing, operator: Client, settings: Settings) -> None:
    settings.OCEANENGINE_APP_SECRET = ""

    page = said(operator, "/admin/costs/connect/oceanengine/")

    assert "OCEANENGINE_APP_SECRET" in page
    assert "OCEANENGINE_APP_ID" not in page
    assert f"https://rivermouth.test{CALLBACK}" in page


@pytest.mark.parametrize("address", ["/admin/costs/connect/oceanengine/", CALLBACK])
def test_marketers_may_not_connect(marketing: Marketing, db: None, address: str) -> None:
    assert member("Marketers").get(address).status_code == 403


def test_unknown_platform_is_not_found(operator: Client) -> None:
    assert operator.get("/admin/costs/connect/nowhere/").status_code == 404


def test_lists_show_accounts_imports_and_authorisations(
    connected: Marketing, operator: Client, django_assert_max_num_queries: Callable[..., object]
) -> None:
    connected.run()
    connected.fault("report", "error_in_200", code=40002, message="没有权限")
    connected.run(advertiser_id=ADVERTISERS[1])
    CostImport.objects.create(
        account=CostAccount.objects.get(advertiser_id=ADVERTISERS[2]), began_at=timezone.now(), since=YESTERDAY,
        until=YESTERDAY,
    )  # fmt: skip

    accounts = said(operator, "/admin/attribution/costaccount/")
    imports = said(operator, "/admin/attribution/costimport/")
    authorisations = said(operator, "/admin/attribution/authorisation/")
    costs = said(operator, "/admin/attribution/adcost/")

    assert "code 40002: 没有权限" in accounts
    assert [word in imports for word in ("code 40002: 没有权限", "interrupted", f"{YESTERDAY}: ¥0.00 →")] == [True] * 3
    assert "valid" in authorisations
    assert "access-" not in accounts + imports + authorisations
    assert "/admin/costs/connect/oceanengine/" in costs
    assert AdCost.objects.count() > 0


def test_operator_switches_an_account_off_and_disconnects(connected: Marketing, operator: Client) -> None:
    account = CostAccount.objects.get(advertiser_id=ADVERTISERS[0])
    connected.run()
    operator.post(f"/admin/attribution/costaccount/{account.pk}/change/", {})  # an unticked box is not sent
    account.refresh_from_db()
    authorisation = Authorisation.objects.get()
    operator.post(f"/admin/attribution/authorisation/{authorisation.pk}/delete/", {"post": "yes"})

    assert account.is_enabled is False
    assert (Authorisation.objects.count(), CostAccount.objects.count(), CostImport.objects.count()) == (0, 0, 0)
    assert AdCost.objects.count() > 0
