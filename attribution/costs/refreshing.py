"""An access token that works, refreshed by exactly one process at a time. For any platform, and any kind of token.

With some platforms a refresh kills the old refresh token: two refreshers, or one that loses the answer, lock the
operator out. So

1. the row says that a refresh has begun, on disk, before the request leaves (`refresh_began_at`);
2. the request is made while the row is locked: whoever else wants a token waits, and then finds the new one;
3. the new pair is stored, and the note of 1 cleared, before anybody uses it.

A process that dies in between leaves the note. The next one tries the old refresh token once more, as the request may
never have left; when the platform does not take it, the authorisation is lost and says so, with the time of that
refresh. Nothing but a person's consent helps then.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from django.db import transaction
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from attribution.models import Authorisation
from attribution.platforms.cost_source import CostError, Remedy, Tokens
from foundation import sealing

# Makes the next pair from the refresh token, or from nothing where a platform has none. Raises: `CostError`.
Refresh: TypeAlias = Callable[[str], Tokens]

# A token that ends within this time may end on its way.
MARGIN = timedelta(minutes=5)


class AuthorisationLostError(Exception):
    """A person has to authorise again; the message says why."""


def access_token(authorisation_id: int, refresh: Refresh, *, clock: Callable[[], datetime], refused: str = "") -> str:
    """A token that lives for some minutes at least. `refused`: one that the platform did not take, to be replaced.

    Raises: `AuthorisationLostError`, and `CostError` of a refresh that may be tried again.
    """
    row = Authorisation.objects.get(pk=authorisation_id)
    token = _usable(row, refused, clock())
    return token or _refreshed(authorisation_id, refresh, clock, refused)


def fields_of(tokens: Tokens, now: datetime) -> dict[str, Any]:
    """The columns of `Authorisation` that a new pair of tokens sets."""
    refresh_s = tokens.refresh_expires_in_s
    return {
        "access_token": sealing.seal(tokens.access_token),
        "refresh_token": sealing.seal(tokens.refresh_token),
        "access_expires_at": now + timedelta(seconds=tokens.access_expires_in_s),
        "refresh_expires_at": None if refresh_s is None else now + timedelta(seconds=refresh_s),
        "refresh_began_at": None,
        "lost_because": "",
    }


def _usable(row: Authorisation, refused: str, now: datetime) -> str:
    """The row's token, or "" where it is too old or was refused."""
    if row.lost_because:
        raise AuthorisationLostError(row.lost_because)
    if not row.is_fresh(now + MARGIN):
        return ""
    token = _unsealed(row.access_token)
    return "" if token == refused else token


def _refreshed(authorisation_id: int, refresh: Refresh, clock: Callable[[], datetime], refused: str) -> str:
    this = Authorisation.objects.filter(pk=authorisation_id)
    began_at = clock()
    # Committed by itself: a note in the transaction below would vanish with it.
    is_first = this.filter(refresh_began_at=None).update(refresh_began_at=began_at) == 1
    lost_because = ""
    with transaction.atomic():
        row = this.select_for_update().get()
        token = _usable(row, refused, clock())
        if token:  # somebody refreshed it while we waited
            this.update(refresh_began_at=None)
            return token
        try:
            tokens = refresh(_unsealed(row.refresh_token))
        except CostError as err:
            if err.remedy is not Remedy.AUTHORISE:
                raise  # the note stays: nobody knows whether the request took effect
            unfinished = row.refresh_began_at if not is_first else None
            lost_because = _why(err, unfinished)
            this.update(lost_because=lost_because, refresh_began_at=None)
        else:
            this.update(**fields_of(tokens, clock()))
    if lost_because:
        raise AuthorisationLostError(lost_because)
    return tokens.access_token


def _why(err: CostError, unfinished: datetime | None) -> str:
    if unfinished is None:
        return str(err)
    words = _("The refresh that began at %(time)s never ended, and took the refresh token with it (%(error)s).")
    return words % {"time": localtime(unfinished).strftime("%Y-%m-%d %H:%M:%S"), "error": err}


def _unsealed(token: str) -> str:
    try:
        return sealing.unseal(token)
    except sealing.UnreadableError as err:
        raise AuthorisationLostError(_("The tokens were encrypted with a key that is gone.")) from err
