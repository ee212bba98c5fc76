"""The tokens that platforms issue to our own app (`AppTokens`): renewed in one row each, and handed to the platform.

A worker asks here before it sends, and when a token was refused. What it was told last it remembers, so that the row is
read only when a token ends or is refused.
"""

import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from attribution.authorising import refreshing
from attribution.authorising.refreshing import MARGIN, AuthorisationLostError
from attribution.models import Authorisation
from attribution.platforms.cost_source import CostError, Remedy
from attribution.platforms.platform import AppTokens
from attribution.platforms.registry import platforms

logger = logging.getLogger(__name__)

Clock = Callable[[], datetime]

# A new token that is refused as well is refused for another reason.
RENEWED_AT_MOST_EVERY = timedelta(minutes=1)
# When to ask again for a token after the platform could not be asked, and after it said no.
AGAIN_IF_UNAVAILABLE = timedelta(seconds=10)
AGAIN_IF_REFUSED = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """The token in use; "": none. It is looked at again at a time; it was replaced last at another."""

    token: str
    until: datetime
    renewed_at: datetime | None = None


_told: dict[str, _Told] = {}


def forget() -> None:
    """As if this process had just begun."""
    _told.clear()


def in_use(platform: str) -> str:
    known = _told.get(platform)
    return known.token if known else ""


def hand_over(slugs: Collection[str], clock: Clock) -> None:
    """Give these platforms a token that is valid for some minutes, where one is wanted."""
    for slug in slugs:
        tokens = platforms()[slug].app_tokens
        if tokens is None or not tokens.is_wanted:
            continue
        known = _told.get(slug)
        if known is None or known.until <= clock():
            _renew(slug, tokens, clock)


def replace(slug: str, refused: str, clock: Clock) -> bool:
    """Whether there is another token now than the refused one."""
    tokens, known = platforms()[slug].app_tokens, _told.get(slug)
    if tokens is None or not tokens.is_wanted or known is None or not refused:
        return False
    if known.token != refused:
        return bool(known.token)
    if known.renewed_at and known.renewed_at > clock() - RENEWED_AT_MOST_EVERY:
        return False
    _renew(slug, tokens, clock, refused=refused)
    return in_use(slug) not in ("", refused)


def _renew(slug: str, tokens: AppTokens, clock: Clock, *, refused: str = "") -> None:
    row = _row_of(slug, clock())
    try:
        token = refreshing.access_token(row.pk, lambda _refresh_token: tokens.issue(), clock=clock, refused=refused)
    except AuthorisationLostError as err:  # encrypted with a key that is gone: there is nothing to lose
        _change(row, access_token="")
        _go_on(slug, tokens, CostError(str(err), Remedy.RETRY), refused, clock())
    except CostError as err:
        logger.warning("%s issued no token to our app: %s", slug, err)
        _go_on(slug, tokens, err, refused, clock())
        if err.remedy is not Remedy.RETRY:
            _change(row, lost_because=str(err))
    else:
        row.refresh_from_db()
        left = row.access_expires_at - clock()
        good_for = left - MARGIN if left > 2 * MARGIN else left / 2
        _told[slug] = _Told(token=token, until=clock() + good_for, renewed_at=clock())
        tokens.use(token)


def _go_on(slug: str, tokens: AppTokens, err: CostError, refused: str, now: datetime) -> None:
    """There is no new token: keep the old one while it may be valid, and ask again later.

    If the platform refuses to issue one, requests go without, as they did before there was an id and a secret.
    """
    if err.remedy is Remedy.RETRY:
        old = in_use(slug) if in_use(slug) != refused else ""
        _told[slug] = _Told(token=old, until=now + AGAIN_IF_UNAVAILABLE)
        tokens.use(old, problem=str(err))
    else:
        _told[slug] = _Told(token="", until=now + AGAIN_IF_REFUSED)
        tokens.use("")


def _row_of(slug: str, now: datetime) -> Authorisation:
    row, _is_new = Authorisation.objects.get_or_create(
        platform=slug, kind=Authorisation.Kind.APP, defaults={"authorised_at": now, "access_expires_at": now}
    )
    if row.lost_because:
        _change(row, lost_because="")
    return row


def _change(row: Authorisation, **fields: str) -> None:
    Authorisation.objects.filter(pk=row.pk).update(**fields)
