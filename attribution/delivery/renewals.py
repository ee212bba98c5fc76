"""What a later answer changes for users who have an ad already: its callback, or after a long silence the ad itself."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Max

from attribution.delivery.lookups import Lookup
from attribution.models import Attribution, Conversion, EarlierAttribution, State
from attribution.models.users import User, users_in
from foundation.database import bulk

RENEWED_FIELDS = ["asked_at", "callback_param", "match_type", "touched_at"]


def take(answers: Sequence[tuple[Attribution, Lookup]], now: datetime) -> dict[User, Attribution]:
    """Store what was found (not saved so far) and return what counts for these users from now on.

    Users whose ad another process has just replaced are left out.
    """
    counts: list[Attribution] = []
    kept: list[Attribution] = []
    renewed: set[User] = set()
    for found, lookup in answers:
        known = _known(lookup)
        if _brings_back(found, lookup):
            counts += _replaced(found, lookup)
            continue
        if found.is_attributed and known.is_same_ad(found) and _is_newer(found, known):
            renewed |= {_user(known)} if known.callback_param != found.callback_param else set()
            known.callback_param, known.touched_at = found.callback_param, found.touched_at
            known.match_type = found.match_type
        known.asked_at = known.asked_at if lookup.has_failed else now
        kept.append(known)
    written = bulk.update(kept, RENEWED_FIELDS, guard="attributed_at") if kept else set()
    if renewed:  # what was refused may have been refused for its old callback
        Conversion.objects.filter(users_in(renewed), state=State.REJECTED).revive(now)
    return {_user(row): row for row in [*counts, *(row for row in kept if row.pk in written)]}


def _brings_back(found: Attribution, lookup: Lookup) -> bool:
    """Whether another ad brought back a user who had been silent for as long as the app says."""
    known, days = _known(lookup), lookup.app.reattribution_days
    if not days or not found.is_attributed or known.is_same_ad(found):
        return False
    last_seen_at = _last_seen_at(lookup)
    is_silent = last_seen_at <= lookup.activated_at - timedelta(days=days)
    return is_silent and (found.touched_at is None or found.touched_at > last_seen_at)


def _last_seen_at(lookup: Lookup) -> datetime:
    """The last event before this one. A repeat leaves no trace but the time of the question that it caused."""
    known = _known(lookup)
    earlier = Conversion.objects.filter(users_in({_user(known)}), occurred_at__lt=lookup.activated_at, is_test=False)
    new = [row.pk for row in lookup.conversions if row.state != State.REPORTED]
    last: datetime | None = earlier.exclude(pk__in=new).aggregate(last=Max("occurred_at"))["last"]
    return max(known.asked_at, last or known.asked_at)


def _replaced(found: Attribution, lookup: Lookup) -> list[Attribution]:
    """Give the user the new ad; the earlier one keeps its records. Empty if another process was faster."""
    known = _known(lookup)
    with transaction.atomic():
        current = Attribution.objects.select_for_update().get(pk=known.pk)
        if current.attributed_at != known.attributed_at:
            return []
        earlier = EarlierAttribution.of(current, replaced_at=lookup.activated_at)
        earlier.save()
        new = [row.pk for row in lookup.conversions if row.state != State.REPORTED]
        records = Conversion.objects.filter(users_in({_user(known)}), attribution=known.pk, earlier_attribution=None)
        records.exclude(pk__in=new).update(earlier_attribution=earlier)
        found.pk = known.pk
        found.save(force_update=True)
    for row in lookup.conversions:
        if row.state == State.REPORTED and row.earlier_attribution_id is None:
            row.earlier_attribution_id = earlier.pk
    return [found]


def _is_newer(found: Attribution, known: Attribution) -> bool:
    """A platform knows its newest callback; a click of ours counts if it came later."""
    if found.source == Attribution.Source.PLATFORM:
        return True
    return None not in (found.touched_at, known.touched_at) and found.touched_at > known.touched_at  # type: ignore[operator]  # neither is None


def _known(lookup: Lookup) -> Attribution:
    if lookup.known is None:
        raise ValueError("nothing was known about the user")
    return lookup.known


def _user(row: Attribution) -> User:
    return row.app_id, row.user_id
