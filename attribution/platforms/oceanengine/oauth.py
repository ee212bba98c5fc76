"""Ocean Engine's authorisation of Marketing API calls: codes, tokens, and the accounts that come with them.

An access token lasts 24 hours, a refresh token 30 days; every refresh invalidates the old refresh token.
Reference: https://open.oceanengine.com/labels/7/docs/1696710506097679
"""

from collections.abc import Sequence
from typing import Any, TypeVar
from urllib.parse import urlencode

import msgspec
from django.conf import settings

from attribution.platforms.cost_source import Account, CostError, Remedy, Tokens
from attribution.platforms.oceanengine import marketing
from foundation.database.columns import BIGINT_MAX

PAGE_SIZE = 100
# Limit for one organisation. Nobody has more; it bounds a list that never ends.
MAX_PAGES = 1000
# Roles with advertisers below them: the endpoint that lists these, and the parameter that names the role's own account.
CHILDREN = {
    "CUSTOMER_ADMIN": ("2/customer_center/advertiser/list/", "cc_account_id"),
    "CUSTOMER_OPERATOR": ("2/customer_center/advertiser/list/", "cc_account_id"),
    "PLATFORM_ROLE_QIANCHUAN_AGENT": ("2/agent/advertiser/select/", "advertiser_id"),
    "PLATFORM_ROLE_ENTERPRISE_BP_ADMIN": ("2/ebp/advertiser/list/", "enterprise_organization_id"),
    "PLATFORM_ROLE_ENTERPRISE_BP_OPERATOR": ("2/ebp/advertiser/list/", "enterprise_organization_id"),
    "AGENT": ("2/agent/advertiser/select/", "advertiser_id"),
    "CHILD_AGENT": ("2/agent/advertiser/select/", "advertiser_id"),
    "MAJORDOMO": ("2/majordomo/advertiser/select/", "advertiser_id"),
}


class _TokenPair(msgspec.Struct, frozen=True, kw_only=True):
    access_token: str
    refresh_token: str
    expires_in: float = 24 * 3600
    refresh_token_expires_in: float = 30 * 24 * 3600


class _Granted(msgspec.Struct, frozen=True, kw_only=True):
    advertiser_id: int
    advertiser_name: str | None = ""
    account_role: str | None = ""
    is_valid: bool | None = True


class _GrantedList(msgspec.Struct, frozen=True, kw_only=True):
    list: Sequence[_Granted] = ()


class _Child(msgspec.Struct, frozen=True, kw_only=True):
    advertiser_id: int
    advertiser_name: str | None = ""


class PageInfo(msgspec.Struct, frozen=True, kw_only=True):
    total_page: int = 1
    total_number: int = 0


class _Children(msgspec.Struct, frozen=True, kw_only=True):
    """Some of the lists contain only ids."""

    list: Sequence[_Child | int | str] = ()
    page_info: PageInfo = PageInfo()


AnyData = TypeVar("AnyData")


def authorise_url(*, state: str, redirect_uri: str) -> str:
    query = {
        "app_id": settings.OCEANENGINE_APP_ID,
        "state": state,
        "redirect_uri": redirect_uri,
        "material_auth": 1,  # includes the materials in reports
    }
    return f"{settings.OCEANENGINE_OAUTH_BASE_URL}/openapi/audit/oauth.html?{urlencode(query)}"


def tokens_of(code: str) -> Tokens:
    return _tokens("access_token", grant_type="auth_code", auth_code=code)


def refreshed(refresh_token: str) -> Tokens:
    return _tokens("refresh_token", grant_type="refresh_token", refresh_token=refresh_token)


def accounts(access_token: str) -> list[Account]:
    """Each advertiser once, even if several roles lead to it."""
    url = f"{settings.OCEANENGINE_OAUTH_BASE_URL}/open_api/oauth2/advertiser/get/"
    granted = decoded(marketing.get(url, access_token), _GrantedList).list
    found: dict[int, Account] = {}
    for grant in granted:
        if grant.is_valid is False:
            continue
        below = _below(access_token, grant) if grant.account_role in CHILDREN else [_account(grant)]
        # Some lists contain only ids: a name from another list is kept.
        found.update({each.advertiser_id: each for each in below if each.name or each.advertiser_id not in found})
    return [account for account in found.values() if 0 < account.advertiser_id <= BIGINT_MAX]


def decoded(data: bytes, shape: type[AnyData]) -> AnyData:
    """The decoded data. Raises: `CostError` if it does not have the vendor's shape."""
    try:
        return msgspec.json.decode(data, type=shape, strict=False)
    except (msgspec.DecodeError, RecursionError) as err:
        raise CostError(f"the answer is not Ocean Engine's: {err}", Remedy.RETRY) from err


def _tokens(endpoint: str, **payload: Any) -> Tokens:
    url = f"{settings.OCEANENGINE_OAUTH_BASE_URL}/open_api/oauth2/{endpoint}/"
    whole = {"app_id": settings.OCEANENGINE_APP_ID, "secret": settings.OCEANENGINE_APP_SECRET, **payload}
    pair = decoded(marketing.post_once(url, whole), _TokenPair)
    return Tokens(
        access_token=pair.access_token,
        access_expires_in_s=pair.expires_in,
        refresh_token=pair.refresh_token,
        refresh_expires_in_s=pair.refresh_token_expires_in,
    )


def _below(access_token: str, granted: _Granted) -> list[Account]:
    path, parameter = CHILDREN[granted.account_role or ""]
    url = f"{settings.OCEANENGINE_MARKETING_BASE_URL}/open_api/{path}"
    found: list[Account] = []
    for page in range(1, MAX_PAGES + 1):
        asked = {parameter: granted.advertiser_id, "page": page, "page_size": PAGE_SIZE}
        children = decoded(marketing.get(url, access_token, **asked), _Children)
        found += map(_account, children.list)
        if page >= children.page_info.total_page:
            break
    return found


def _account(given: _Granted | _Child | int | str) -> Account:
    if isinstance(given, int | str):
        return Account(advertiser_id=int(given) if str(given).isdecimal() else 0, name="")
    return Account(advertiser_id=given.advertiser_id, name=(given.advertiser_name or "").replace("\x00", "")[:128])
