"""The days before today: the rows that would exist if the demo had run all along.

Written through the models, since the endpoint accepts no event older than `EVENT_MAX_AGE_DAYS`, and what arrived a
fortnight ago cannot be received today. The statistics follow from the rows as always.
"""

import json
import random
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta, tzinfo

from django.conf import settings
from django.db import transaction

from attribution.clicks import storage
from attribution.devices import device_ids
from attribution.events.reported import dedup_key
from attribution.models import App, Attempt, Attribution, Click, Conversion, Destination, State
from attribution.platforms.oceanengine import wire
from attribution.platforms.oceanengine.ads import ad as ad_of
from attribution.platforms.oceanengine.reports import ACCEPTED_WITH_WARNING
from attribution.platforms.platform import Ad, UserEvent
from attribution.platforms.registry import platforms
from sandbox.demo import people
from sandbox.demo.links import query_of
from sandbox.demo.people import Deed, Tap, User
from sandbox.vendors import ads

PLATFORM = "oceanengine"
ADVERTISERS = {
    1768433294857219: "杭州拾光科技",
    1791826603349003: "深圳晚风互动",
    1803550942617610: "Chengdu Weekly Apps",
}
# This many days ago one advertiser's reports were answered 503 for a while, and caught up afterwards.
INCIDENT_DAYS_AGO = 5
INCIDENT_HOURS = (14, 16)
INCIDENT_ADVERTISER = 1803550942617610
REJECTED_SHARE = 0.012
WARNING_SHARE = 0.01
LOST_ANSWER_SHARE = 0.008
# Nothing answered for three days; applies only to rows that are old enough.
FAILED_SHARE = 0.004
ACCEPTED = {"code": wire.ACCEPTED, "message": "成功"}
WARNED = {"code": ACCEPTED_WITH_WARNING, "message": "重复上报"}
REFUSED = {"code": 107, "message": "callback 已过期"}


def introduce_advertisers() -> None:
    """Name the advertisers that nobody has named yet."""
    for advertiser_id, name in ADVERTISERS.items():
        row, _is_new = Destination.objects.get_or_create(platform=PLATFORM, key=str(advertiser_id))
        if not row.name:
            row.name = name
            row.save(update_fields=["name"])


def add_day(app: App, day: date, zone: tzinfo, *, about: int, until: datetime) -> bool:
    """Write the clicks and users of a day, and all that they did up to `until`. Returns False if they exist already."""
    users = people.users_of(day, zone, about=about)
    if not users or Attribution.objects.filter(app=app, user_id=users[0].user_id).exists():
        return False
    with transaction.atomic():
        store_clicks(app, people.taps_of(users, day, zone))
        cohort = _Cohort(app, users, until)
        Attribution.objects.bulk_create(cohort.attributions.values(), batch_size=500)
        for deed in sorted((deed for user in users for deed in people.deeds_of(user)), key=lambda deed: deed.at):
            if deed.at < until:
                cohort.add(deed)
        Conversion.objects.bulk_create(cohort.conversions, batch_size=500)
        Attempt.objects.bulk_create(cohort.attempts, batch_size=500)
    return True


def store_clicks(app: App, taps: Iterable[Tap]) -> None:
    """The row that a call of the monitor link would have made at the time."""
    storage.store([_new_click(app, query_of(tap, at=tap.at), tap.at + timedelta(milliseconds=700)) for tap in taps])


def _new_click(app: App, query: str, received_at: datetime) -> storage.NewClick:
    said = platforms()[PLATFORM].read_click(query, received_at=received_at)
    return storage.NewClick(app.pk, PLATFORM, received_at, query, said)


class _Cohort:
    """Rows of the users who were activated on one day."""

    def __init__(self, app: App, users: Sequence[User], until: datetime) -> None:
        self._app = app
        self._until = until
        own_clicks = _own_clicks(app, users)
        self.attributions = {user.user_id: _attribution(app, user, own_clicks) for user in users}
        self.conversions: list[Conversion] = []
        self.attempts: list[Attempt] = []

    def add(self, deed: Deed) -> None:
        """What became of the deed's report."""
        attribution = self.attributions[deed.user.user_id]
        row = _conversion(self._app, deed)
        self.conversions.append(row)
        if deed.event == "active":
            self.attempts.append(_lookup(self._app, row, deed, attribution))
        if attribution.is_attributed:
            row.attribution = attribution
            row.platform, row.advertiser_id = PLATFORM, attribution.advertiser_id
            row.write_body(platforms()[PLATFORM].report(_user_event(row, attribution)))
            self._report(row, deed)
        else:
            row.lookups = len(settings.ORGANIC_LOOKUP_DELAYS_S) + 1
            row.mark_organic(attribution.reason, due_at=None, now=row.received_at + timedelta(seconds=2))

    def _report(self, row: Conversion, deed: Deed) -> None:
        dice = random.Random(f"report {deed.user.user_id} {deed.event} {deed.order}")
        fate = dice.random()
        at = row.received_at + timedelta(seconds=dice.uniform(0.2, 4))
        if self._is_in_incident(row):
            at = self._retried(row, at, times=dice.randint(1, 4), error="HTTP 503", status=503)
        elif fate < LOST_ANSWER_SHARE:
            at = self._retried(row, at, times=1, error="ReadTimeout", status=None)
        elif fate < LOST_ANSWER_SHARE + FAILED_SHARE and self._until - at > timedelta(days=4):
            at = self._retried(row, at, times=1 + len(settings.CONVERSION_RETRY_DELAYS_S), error="HTTP 503", status=503)
            row.mark_failed("budget_used_up", "HTTP 503", now=at)
            return
        if fate > 1 - REJECTED_SHARE:
            self._answered(row, at, Attempt.Outcome.REJECTED, REFUSED)
            row.mark_rejected("report_rejected", f"code {REFUSED['code']}: {REFUSED['message']}", now=at)
        elif fate > 1 - REJECTED_SHARE - WARNING_SHARE:
            self._answered(row, at, Attempt.Outcome.WARNING, WARNED)
            row.mark_reported(warning=f"code {WARNED['code']}: {WARNED['message']}", now=at)
        else:
            self._answered(row, at, Attempt.Outcome.ACCEPTED, ACCEPTED)
            row.mark_reported(warning="", now=at)

    def _is_in_incident(self, row: Conversion) -> bool:
        day = self._until.date() - timedelta(days=INCIDENT_DAYS_AGO)
        at = row.received_at
        first, end = INCIDENT_HOURS
        return row.advertiser_id == INCIDENT_ADVERTISER and at.date() == day and first <= at.hour < end

    def _retried(self, row: Conversion, at: datetime, *, times: int, error: str, status: int | None) -> datetime:
        """Add this many failed attempts. Returns the time of the next one."""
        row.tries = times
        outcome = Attempt.Outcome.UNAVAILABLE if status else Attempt.Outcome.UNKNOWN
        for delay_s in [*settings.CONVERSION_RETRY_DELAYS_S, 0][:times]:
            attempt = self._attempt(row, at, outcome)
            attempt.http_status, attempt.message, attempt.duration_ms = status, error, 31 if status else 10_004
            at += timedelta(seconds=delay_s)
        return at

    def _answered(self, row: Conversion, at: datetime, outcome: str, answer: Mapping[str, object]) -> None:
        attempt = self._attempt(row, at, outcome)
        attempt.http_status, attempt.code, attempt.message = 200, int(str(answer["code"])), str(answer["message"])
        attempt.response = json.dumps(answer, ensure_ascii=False)

    def _attempt(self, row: Conversion, at: datetime, outcome: str) -> Attempt:
        request = device_ids.mask_message(row.plain_body)
        attempt = row.new_attempt(Attempt.Kind.REPORT, request=request, now=at)
        attempt.outcome = outcome
        attempt.duration_ms = random.Random(f"{row.user_id}{at}").randint(24, 180)
        self.attempts.append(attempt)
        return attempt


def _own_clicks(app: App, users: Sequence[User]) -> dict[str, Click]:
    ids = {ads.request_id(user.device_id): user.user_id for user in users if user.has_own_click}
    return {ids[click.request_id]: click for click in Click.objects.filter(app=app, request_id__in=ids)}


def _attribution(app: App, user: User, own_clicks: Mapping[str, Click]) -> Attribution:
    row = Attribution(
        app=app, user_id=user.user_id, activated_at=user.activated_at, asked_at=user.activated_at, reason="no_click"
    )
    if user.ad is None:
        return row
    row.is_attributed = True
    row.touched_at = user.touched_at
    row.attributed_at = user.activated_at + timedelta(seconds=2)
    row.callback_param = ads.callback_param(user.ad.advertiser_id, user.device_id)
    own = {name: value for name, value in ads.fields_of(user.ad).items() if value and name != "advertiser_id"}
    ad = ad_of(user.ad.advertiser_id, own)
    row.platform = PLATFORM
    for name in Ad.__struct_fields__:
        setattr(row, name, getattr(ad, name))
    row.source, row.reason = Attribution.Source.PLATFORM, "platform"
    if click := own_clicks.get(user.user_id):
        row.source, row.reason = Attribution.Source.CLICK, "idfa" if user.os == "ios" else "android_id"
        row.click = click
        row.click_to_install_s = int((user.activated_at - click.clicked_at).total_seconds())
    return row


def _user_event(row: Conversion, attribution: Attribution) -> UserEvent:
    return UserEvent(
        event=row.event,
        os=row.os,
        device=row.device_ids,
        ad=Ad.of(attribution),
        callback=attribution.callback_param,
        occurred_at=row.occurred_at,
        outer_event_id=row.outer_event_id,
        amount_fen=row.amount_fen,
    )


def _conversion(app: App, deed: Deed) -> Conversion:
    """The row that intake would have made at the time."""
    user = deed.user
    received_at = deed.at + timedelta(seconds=1)
    row = Conversion(
        app=app,
        dedup_key=dedup_key(app_id=app.pk, user_id=user.user_id, event=deed.event, outer_event_id=deed.order),
        user_id=user.user_id,
        event=deed.event,
        os=user.os,
        channel=user.channel,
        amount_fen=deed.amount_fen,
        outer_event_id=deed.order,
        occurred_at=deed.at,
        received_at=received_at,
        device=device_ids.encrypt(json.dumps(user.device)),
        device_digest=device_ids.digest(user.device_id),
        state=State.PENDING,
        give_up_at=received_at + timedelta(seconds=settings.CONVERSION_GIVE_UP_AFTER_S),
    )
    row.outer_event_id = row.outer_event_id or str(row.pk)
    return row


def _lookup(app: App, row: Conversion, deed: Deed, attribution: Attribution) -> Attempt:
    query = platforms()[PLATFORM].query
    body = query and query.question(
        os=deed.user.os,
        device=deed.user.device,
        package=app.package_for(os=deed.user.os, channel=deed.user.channel),
        activated_at=deed.at,
    )
    attempt = row.new_attempt(Attempt.Kind.LOOKUP, request=device_ids.mask_message(body or ""), now=row.received_at)
    is_known = attribution.source == Attribution.Source.PLATFORM
    attempt.outcome = Attempt.Outcome.ATTRIBUTED if is_known else Attempt.Outcome.NOT_ATTRIBUTED
    attempt.http_status, attempt.code, attempt.message, attempt.duration_ms = 200, 0, "成功", 42
    attempt.response = json.dumps(ACCEPTED, ensure_ascii=False)
    return attempt
