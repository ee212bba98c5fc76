"""Provides a working access token, refreshed by exactly one process at a time. For any platform and kind of token.

On some platforms a refresh invalidates the old refresh token: two refreshing processes, or one that loses the answer,
would lock the operator out. Therefore:

1. Before the request is sent, the row notes on disk that a refresh has begun (`refresh_began_at`).
2. The request is made while the row is locked: other processes that need a token wait, and then find the new one.
3. The new pair is stored, and the note of step 1 cleared, before anyone uses the pair.

A process that dies in between leaves the note. The next one tries the old refresh token once more, as the request may
never have been sent; if the platform rejects it, the authorisation is lost and says so, with the time of that refresh.
Then only a person's consent helps.
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

# Makes the next pair from the refresh token, or from "" if the platform has none. Raises: `CostError`.
Refresh: TypeAlias = Callable[[str], Tokens]

# A token that expires within this time might expire on the way.
MARGIN = timedelta(minutes=5)


class AuthorisationLostError(Exception):
    """A person must authorise again; the message says why."""


def access_token(authorisation_id: int, refresh: Refresh, *, clock: Callable[[], datetime], refused: str = "") -> str:
    """A token that is valid for at least some minutes. `refused`: a token that the platform rejected, to be replaced.

    Raises: `AuthorisationLostError`, or the `CostError` of a refresh that may be retried.
    """
    row = Authorisation.objects.get(pk=authorisation_id)
    token = _usable(row, refused, clock())
    return token or _refreshed(authorisation_id, refresh, clock, refused)


def fields_of(tokens: Tokens, now: datetime) -> dict[str, Any]:
    """The columns of `Authorisation` to set for a new pair of tokens."""
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
    """The row's token, or "" if it is too old or was refused."""
    if row.lost_because:
        raise AuthorisationLostError(row.lost_because)
    if not row.is_fresh(now + MARGIN):
        return ""
    token = _unsealed(row.access_token)
    return "" if token == refused else token


def _refreshed(authorisation_id: int, refresh: Refresh, clock: Callable[[], datetime], refused: str) -> str:
    this = Authorisation.objects.filter(pk=authorisation_id)
    began_at = clock()
    # Committed separately: a note in the transaction below would vanish with it.
    is_first = this.filter(refresh_began_at=None).update(refresh_began_at=began_at) == 1
    lost_because = ""
    with transaction.atomic():
        row = this.select_for_update().get()
        token = _usable(row, refused, clock())
        if token:  # another process refreshed it while we waited
            this.update(refresh_began_at=None)
            return token
        try:
            tokens = refresh(_unsealed(row.refresh_token))
        except CostError as err:
            if err.remedy is not Remedy.AUTHORISE:
                raise  # keep the note: nobody knows whether the request took effect
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
