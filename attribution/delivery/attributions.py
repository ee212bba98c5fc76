"""Which ad a user came from: one stored answer per user, from the platform or from our own clicks."""

from collections.abc import Collection, Sequence
from datetime import datetime

from attribution.clicks import storage
from attribution.clicks.matching import Match
from attribution.clicks.storage import Activation
from attribution.delivery import renewals
from attribution.delivery.lookups import Lookup
from attribution.models import Attribution, Click, Conversion
from attribution.models.users import User, users_in
from attribution.platforms.platform import Ad
from foundation.database import bulk


def stored(users: Collection[User]) -> dict[User, Attribution]:
    """The stored attributions of these users."""
    return {_user(row): row for row in Attribution.objects.filter(users_in(users))} if users else {}


def conclude(lookups: Sequence[Lookup], *, now: datetime) -> dict[User, Attribution]:
    """Store the answers, and return what is now known about these users.

    If no platform knows an ad, our own clicks are searched.
    """
    rows = [_from_platform(lookup, now) for lookup in lookups]
    answered = list(zip(rows, lookups, strict=True))
    _search_clicks([(row, lookup) for row, lookup in answered if not row.is_attributed], now)
    renewed = renewals.take([(row, lookup) for row, lookup in answered if lookup.is_renewal], now)
    found = [(row, lookup) for row, lookup in answered if not lookup.is_renewal]
    _wake({_user(row) for row, lookup in found if row.is_attributed and not lookup.is_first}, now)
    known = renewed | {_user(row): row for row in _save([row for row, _lookup in found])}
    return known | stored({_user(row) for row in rows} - known.keys())


def _save(rows: Sequence[Attribution]) -> list[Attribution]:
    """Returns the rows that were written: all except those of users whose ad another process has just found.

    Of two answers about one user, whose events were claimed one after another, the one with an ad counts.
    """
    by_user: dict[User, Attribution] = {}
    for row in sorted(rows, key=lambda row: row.is_attributed):
        by_user[_user(row)] = row
    return bulk.upsert(list(by_user.values()), unique=["app", "user_id"], unless="is_attributed") if rows else []


def _user(row: Attribution) -> User:
    return row.app_id, row.user_id


def _from_platform(lookup: Lookup, now: datetime) -> Attribution:
    conversion, answer = lookup.conversions[0], lookup.answer
    app_id, user_id = conversion.asked_as
    row = Attribution(app_id=app_id, user_id=user_id, activated_at=lookup.activated_at, asked_at=now)
    if answer and answer.is_attributed:
        row.is_attributed = True
        row.source = Attribution.Source.PLATFORM
        row.reason = lookup.reason
        row.callback_param = answer.callback
        row.touched_at = answer.touched_at
        row.activated_at = answer.activated_at or lookup.activated_at
        row.attributed_at = now
        _take_ad(row, lookup.platform, answer.ad)
    return row


def _search_clicks(open_questions: Sequence[tuple[Attribution, Lookup]], now: datetime) -> None:
    activations = [_activation(lookup) for _row, lookup in open_questions]
    matches = storage.flag_floods(storage.find(activations), activations)
    found = Click.objects.in_bulk([match.click_id for match in matches if match.click_id is not None])
    for (row, lookup), match in zip(open_questions, matches, strict=True):
        row.reason = match.reason
        row.detail = ". ".join(filter(None, [lookup.refusal, match.detail]))
        if match.click_id in found:
            _take_click(row, found[match.click_id], match, now)


def _activation(lookup: Lookup) -> Activation:
    ids = lookup.conversions[0].device_ids
    return Activation(
        app=lookup.app,
        ids=ids,
        at=lookup.activated_at,
        os=lookup.conversions[0].os,
        ip=ids.get("ip", ""),
        user_agent=ids.get("user_agent", ""),
    )


def _take_click(row: Attribution, click: Click, match: Match, now: datetime) -> None:
    row.is_attributed = True
    row.source = Attribution.Source.CLICK
    row.click = click
    row.match_type = click.match_type
    row.callback_param = click.callback_param
    row.touched_at = click.clicked_at
    row.attributed_at = now
    row.click_to_install_s = match.click_to_install_s
    row.is_suspicious = match.is_suspicious
    _take_ad(row, click.platform, Ad.of(click))


def _take_ad(row: Attribution, platform: str, ad: Ad) -> None:
    row.platform = platform
    for name in Ad.__struct_fields__:
        setattr(row, name, getattr(ad, name))


def _wake(users: Collection[User], now: datetime) -> None:
    """Try again what was not reported of users who turned out to have an ad."""
    if users:
        Conversion.objects.filter(users_in(users)).revive(now)
