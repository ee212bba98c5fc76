"""Delivers due conversions: claim, ask for the attribution, report, settle.

1. Claim a batch of due rows: `SKIP LOCKED`, a lease, a fencing token. The claim commits before anything else happens.
2. Plan: rows whose user's ad is known go on to the report. For each other user, the platforms that have a query are
   asked one after another, once each, until one knows an ad. If none does, our own clicks are searched.
3. Call: attempts, and the text of a first report, are stored before the requests are sent.
4. Settle: results are written in bulk, for rows that still have our token.

Steps overlap: while calls are under way, others are settled and more rows are claimed, so a slow answer delays only its
own row.
"""

import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import islice
from typing import NamedTuple

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection, transaction

from attribution.authorising import app_tokens
from attribution.delivery import (
    attributions,
    breakers,
    callbacks,
    claiming,
    completion,
    lookups,
    outcomes,
    retry,
    returns,
)
from attribution.delivery.breakers import Destinations
from attribution.delivery.calls import CALLS_PER_THREAD, Call, Lines
from attribution.delivery.lookups import Lookup
from attribution.devices import device_ids
from attribution.devices.device_ids import DecryptionError
from attribution.devices.match_types import MatchType
from attribution.events import event_rules
from attribution.models import App, Attempt, Attribution, Conversion, Destination, State
from attribution.models.destinations import DestinationKey
from attribution.models.users import User
from attribution.platforms.http import PlatformRejected, PlatformUnauthorised, PlatformUnavailable
from attribution.platforms.platform import Ad, AdAnswer, AdQuery, UserEvent
from attribution.platforms.registry import page_platform, platforms
from foundation.database import bulk
from foundation.database.insisting import insist

# Rows that one worker holds: enough to keep the threads busy while results are written.
CAPACITY_PER_THREAD = 6

SENT_FIELDS = ["body", "attribution", "platform", "advertiser_id", "resend_by", "resend_reason"]


class Delivered(NamedTuple):
    """How many rows were claimed, and whether nothing was due at the end."""

    rows: int
    is_all: bool


def deliver_due(*, budget_s: float, clock: Callable[[], datetime]) -> Delivered:
    """Deliver due conversions; after `budget_s` nothing more is claimed."""
    return _Round(clock).run(stop_claiming_at=time.monotonic() + budget_s)


class _Round:
    """One worker's turn at the queue."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._lines = Lines()
        self._destinations = Destinations()
        self._apps: dict[int, App] = {}
        # Look-ups for which every platform has been asked; our own clicks have not been searched yet.
        self._answered: list[Lookup] = []
        self._longest_call_s = max(platform.timeouts.longest_s for platform in platforms().values())

    def run(self, *, stop_claiming_at: float) -> Delivered:
        capacity = settings.CONVERSION_CONCURRENCY * CAPACITY_PER_THREAD
        count = 0
        while True:
            is_in_time = time.monotonic() < stop_claiming_at
            claimed = 0
            try:
                if is_in_time and len(self._lines) <= capacity // 2:
                    claimed = self._claim(capacity - len(self._lines))
                    count += claimed
                self._launch()
            except (OperationalError, InterfaceError):
                if not self._lines.under_way:
                    raise
                connection.close()  # calls under way are finished; the others are due after their lease
            finished = self._lines.finished()
            if finished:
                self._settle(finished)
            elif not claimed:
                return Delivered(count, is_all=is_in_time)

    def _claim(self, limit: int) -> int:
        now = self._clock()
        rows = claiming.claim(limit=limit, now=now)
        if rows:
            self._plan(rows, now)
        return len(rows)

    def _plan(self, rows: Sequence[Conversion], now: datetime) -> None:
        """Queue each row for its next call, or settle it at once."""
        self._apps |= App.objects.prefetch_related("channel_packages", "event_rules").in_bulk(
            {row.app_id for row in rows}
        )
        self._destinations.load()
        known = attributions.stored({_user(row) for row in rows})
        unknown = [row for row in rows if not row.body and not (row.os and _has_ad(known.get(_user(row))))]
        news = completion.complete(unknown, now=now)
        lost = _lost_reports(rows)
        to_ask: dict[User, list[Conversion]] = {}
        settled: list[Conversion] = []
        for row in rows:
            attribution = known.get(_user(row))
            if row.state == State.REPORTED:
                settled += self._plan_repeat(row, attribution, to_ask, now)
            elif not self._apps[row.app_id].is_reporting:
                row.mark_held("app_switched_off")
                settled.append(row)
            elif row.pk in lost:
                row.mark_failed("outcome_unknown", "The worker that sent it did not see an answer", now=now)
                settled.append(row)
            elif row.body or lookups.is_usable(attribution, row, now):
                settled += self._queue_report(row, attribution)
            elif not _has_ad(attribution) and completion.knows_nothing(row) and _user(row) not in news:
                settled.append(completion.put_off(row, now))
            elif attribution and not _has_ad(attribution) and _is_shared(attribution, row, news, now):
                outcomes.mark_organic(row, attribution, now)
                settled.append(row)
            else:
                to_ask.setdefault(_user(row), []).append(row)
        for user, rows in to_ask.items():
            settled += self._ask_about(rows, known.get(user))
        claiming.save_settled([*settled, *self._conclude(now)])

    def _plan_repeat(
        self, row: Conversion, attribution: Attribution | None, to_ask: dict[User, list[Conversion]], now: datetime
    ) -> list[Conversion]:
        """A reported event that was posted again. Returns the row if there is nothing to ask."""
        is_to_ask = attribution and attribution.is_attributed and not lookups.is_usable(attribution, row, now)
        if is_to_ask and row.has_readable_ids and self._apps[row.app_id].is_reporting:
            to_ask.setdefault(_user(row), []).append(row)
            return []
        return self._rest(row, attribution, now)

    def _rest(self, row: Conversion, attribution: Attribution | None, now: datetime) -> list[Conversion]:
        """A reported event stays so; if its user has got another ad since, it counts for that one as well."""
        if row.earlier_attribution_id and attribution:
            returns.store(row, attribution, now)
        row.mark_rested()
        return [row]

    def _ask_about(self, rows: list[Conversion], known: Attribution | None) -> list[Conversion]:
        """Ask once for all events of one user. Returns the rows that are settled without asking."""
        rows.sort(key=lambda row: row.occurred_at)
        row = rows[0]
        try:
            row.device_ids  # noqa: B018  # read once, kept in the row
        except DecryptionError as err:
            row.mark_failed("unreadable", str(err), now=self._clock())
            return [row, *(self._ask_about(rows[1:], known) if rows[1:] else [])]
        lookup = Lookup(conversions=rows, app=self._apps[row.app_id], activated_at=row.occurred_at, known=known)
        if lookup.is_renewal:  # a click that is newer than the activation counts
            moments = [self._clock() if each.state == State.REPORTED else each.occurred_at for each in rows]
            lookup = replace(lookup, activated_at=min(moments))
        elif known:
            lookup = replace(lookup, activated_at=min(row.occurred_at, known.activated_at))
        if callback := next(filter(None, map(completion.callback_of, rows)), ""):
            slug, _platform = page_platform()
            answer = AdAnswer(callback=callback)
            self._answered.append(replace(lookup, platform=slug, answer=answer, reason="callback"))
            return []
        return self._ask_next(lookup)

    def _ask_next(self, lookup: Lookup) -> list[Conversion]:
        """Ask the next platform that can be asked; if there is none, queue the look-up to be concluded.

        Returns the rows that wait for their app to get a package.
        """
        row = lookup.conversions[0]
        package = lookup.app.package_for(os=row.os, channel=row.channel)
        for slug, query in _queries_after(lookup.platform):
            question = query.question(
                os=row.os, device=row.device_ids, package=package, activated_at=lookup.activated_at
            )
            if question is None or (lookup.is_renewal and not package):
                continue
            if not package:
                for each in lookup.conversions:
                    each.mark_held("no_package", f"The app has no package for {row.os}")
                return lookup.conversions
            self._lines.add(_lookup_call(replace(lookup, platform=slug), query, question))
            return []
        self._answered.append(lookup)
        return []

    def _queue_report(self, row: Conversion, attribution: Attribution | None) -> list[Conversion]:
        """Queue the row's report. Returns the row if it must not or can't be sent."""
        if attribution and self._is_too_late(row, attribution):
            days = self._apps[row.app_id].event_window_days
            row.mark_skipped("after_window", f"More than {days} days after the activation", now=self._clock())
            return [row]
        if not row.body and attribution:
            row.attribution = attribution
            row.platform = attribution.platform
            row.advertiser_id = attribution.advertiser_id or Destination.UNKNOWN_ADVERTISER
        platform = platforms().get(row.platform)
        if platform is None:
            row.mark_held("no_platform", row.platform)
            return [row]
        rule = event_rules.find(self._apps[row.app_id], row, row.platform)
        event = rule.event if rule else row.event
        if event not in platform.event_words:
            row.mark_skipped("no_word", str(platform.name), now=self._clock())
            return [row]
        if rule and attribution and not row.body and (reason := event_rules.reason_to_skip(rule, row, attribution)):
            row.mark_skipped(reason, str(rule), now=self._clock())
            return [row]
        use = callbacks.use_of(row, attribution, self._apps[row.app_id]) if attribution and not row.body else None
        try:
            if not row.body and attribution:
                row.write_body(platform.report(_user_event(row, attribution, event)))
            body = row.plain_body
        except DecryptionError as err:
            row.mark_failed("unreadable", str(err), now=self._clock())
            return [row]
        destination = DestinationKey(row.platform, str(row.advertiser_id))
        call = Call(destination=destination, platform=platform, conversions=[row], body=body, callback_use=use)
        self._lines.add(call)
        return []

    def _is_too_late(self, row: Conversion, attribution: Attribution) -> bool:
        window = timedelta(days=self._apps[row.app_id].event_window_days)
        return not row.body and row.occurred_at > attribution.activated_at + window

    def _launch(self) -> None:
        """Send all calls that may be sent now; hold those whose destination is switched off or broken."""
        now = self._clock()
        self._destinations.introduce(self._lines.destinations())
        for key in self._lines.destinations():
            if self._destinations.allowance(key, now) == 0:
                self._hold(key, now)
        if self._answered:  # renewals that could not be asked about
            claiming.save_settled(self._conclude(now))
            self._launch()
            return
        calls = self._lines.take(lambda key: self._destinations.allowance(key, now))
        calls = [call for call in calls if self._is_time_left(call, now)]
        for call in calls:
            call.leave_by = time.monotonic() + self._time_left_s(call, now) - self._longest_call_s
        if calls:
            app_tokens.hand_over({call.destination.platform for call in calls}, self._clock)
            self._lines.start(self._written_down(calls, now))

    def _hold(self, key: DestinationKey, now: datetime) -> None:
        calls = self._lines.leave(key)
        renewals = [call for call in calls if call.lookup and call.lookup.is_renewal]
        self._answered += [replace(call.lookup, has_failed=True) for call in renewals if call.lookup]
        rows = [row for call in calls if call not in renewals for row in call.conversions]
        for row in rows:
            if self._destinations.is_enabled(key):
                outcomes.mark_waiting(row, now, until=retry.spread(self._destinations.open_until(key, now=now)))
            else:
                row.mark_held("destination_switched_off")
        claiming.save_settled(rows)

    def _is_time_left(self, call: Call, now: datetime) -> bool:
        """Whether the lease outlasts the call and those before it. If not, the row becomes due again by itself."""
        return self._time_left_s(call, now) > CALLS_PER_THREAD * self._longest_call_s

    def _time_left_s(self, call: Call, now: datetime) -> float:
        return min((row.due_at - now).total_seconds() for row in call.conversions if row.due_at)

    def _written_down(self, calls: Sequence[Call], now: datetime) -> list[Call]:
        """The calls whose row is still ours, with their attempt in the database."""
        for call in calls:
            call.is_probe = self._destinations.is_suspect(call.destination)
            call.token = app_tokens.in_use(call.destination.platform)
            request = device_ids.mask_message(call.body, call.platform.personal_fields)
            call.attempt = call.conversions[0].new_attempt(call.kind, request=request, now=now)
        with transaction.atomic():
            calls = self._with_own_callback(calls, now)
            reported = [call.conversions[0] for call in calls if call.kind == Attempt.Kind.REPORT]
            ours = bulk.update(reported, SENT_FIELDS, guard="lease_token") if reported else set()
            kept = [call for call in calls if call.kind == Attempt.Kind.LOOKUP or call.conversions[0].id in ours]
            if kept:
                bulk.insert([call.attempt for call in kept if call.attempt])
        return kept

    def _with_own_callback(self, calls: Sequence[Call], now: datetime) -> list[Call]:
        """The calls without activations that would use another user's callback: these are settled."""
        taken = callbacks.claim([call.callback_use for call in calls if call.callback_use])
        skipped = [row for call in calls if call.callback_use for row in call.conversions if row.pk in taken]
        for row in skipped:
            row.mark_skipped("callback_already_used", f"User {taken[row.pk]} was activated with it", now=now)
        claiming.save_settled(skipped)
        return [call for call in calls if call.conversions[0].pk not in taken or not call.callback_use]

    def _settle(self, calls: Sequence[Call]) -> None:
        """Write the results, rows first: an attempt without an answer is better than a report sent twice."""
        now = self._clock()
        settled = []
        for call in calls:
            if call.is_late:  # its rows are due again, for any worker to claim
                continue
            if self._has_new_token(call):
                settled += outcomes.repeat(call, now)
            else:
                self._note(call)
                settled += self._take(call, now)
        settled += insist(lambda: self._conclude(now))
        insist(lambda: claiming.save_settled(settled))
        insist(lambda: outcomes.save_attempts(calls))
        insist(lambda: breakers.release(self._destinations.save(now), now=now))

    def _has_new_token(self, call: Call) -> bool:
        """Whether the call was refused for its token, and there is another one now."""
        is_refused = isinstance(call.error, PlatformUnauthorised)
        return is_refused and app_tokens.replace(call.destination.platform, call.token, self._clock)

    def _take(self, call: Call, now: datetime) -> list[Conversion]:
        """Take the outcome of a call. Returns the rows that are settled by it."""
        error, waiting = call.error, list[Conversion]()
        if error and call.lookup and call.lookup.is_renewal:
            self._answered.append(replace(call.lookup, has_failed=True))  # what is known serves as well
            return []
        if isinstance(error, PlatformUnavailable):
            return outcomes.put_off(call, error, now)
        if isinstance(error, PlatformUnauthorised):
            return outcomes.lock_out(call, now)
        if isinstance(error, PlatformRejected) and not error.is_final:
            waiting = outcomes.put_off_refused(call, now)
            call.conversions = [row for row in call.conversions if row not in waiting]
        if not call.conversions:
            return waiting
        if call.lookup:
            return waiting + self._take_answer(call, replace(call.lookup, conversions=call.conversions))
        return outcomes.concluded(call, now)

    def _take_answer(self, call: Call, lookup: Lookup) -> list[Conversion]:
        """Take a platform's answer; if it knows no ad, ask the next platform."""
        if call.error:
            lookup = replace(lookup, refusal=str(call.error))
        if call.answer and call.answer.is_attributed:
            self._answered.append(replace(lookup, answer=call.answer))
            return []
        return self._ask_next(lookup)

    def _conclude(self, now: datetime) -> list[Conversion]:
        """Conclude look-ups. Rows whose user has an ad go on to their report; the others are settled and returned."""
        answered = self._answered
        known = attributions.conclude(answered, now=now) if answered else {}
        self._answered = []
        settled: list[Conversion] = []
        for lookup in answered:
            for row in lookup.conversions:
                attribution = known[_user(row)]
                if row.state == State.REPORTED:
                    settled += self._rest(row, attribution, now)
                    continue
                row.tries = row.refusals = 0
                if attribution.is_attributed:
                    settled += self._queue_report(row, attribution)
                    continue
                if lookup.refusal:
                    row.mark_rejected("lookup_rejected", lookup.refusal, now=now)
                else:
                    outcomes.mark_organic(row, attribution, now)
                settled.append(row)
        return settled

    def _note(self, call: Call) -> None:
        error = call.error
        if isinstance(error, PlatformUnauthorised):
            self._destinations.note_lockout(call.destination, str(error))
        elif not isinstance(error, PlatformUnavailable):
            self._destinations.note_answer(call.destination)
        elif error.is_throttled:
            self._destinations.note_throttling(call.destination, error.retry_after_s, str(error))
        else:
            self._destinations.note_failure(call.destination, str(error))


def _is_shared(attribution: Attribution, row: Conversion, news: set[User], now: datetime) -> bool:
    """Whether the answer to a question about another event of this moment is this event's too."""
    return lookups.is_fresh(attribution, now) and _user(row) not in news


def _has_ad(attribution: Attribution | None) -> bool:
    return attribution is not None and attribution.is_attributed


def _queries_after(slug: str) -> Iterator[tuple[str, AdQuery]]:
    """The platforms with an attribution query that are asked after this one; after "" all of them."""
    known = platforms()
    for each in islice(known, list(known).index(slug) + 1 if slug else 0, None):
        if query := known[each].query:
            yield each, query


def _lookup_call(lookup: Lookup, query: AdQuery, question: str) -> Call:
    for row in lookup.conversions:
        row.platform = lookup.platform
    return Call(
        destination=DestinationKey(lookup.platform, Destination.ATTRIBUTION_QUERY),
        platform=platforms()[lookup.platform],
        conversions=lookup.conversions,
        body=question,
        query=query,
        lookup=lookup,
    )


def _user_event(row: Conversion, attribution: Attribution, event: str) -> UserEvent:
    return UserEvent(
        event=event,
        os=row.os,
        device=row.device_ids,
        ad=Ad.of(attribution),
        callback=callbacks.for_report(row, attribution),
        match_type=MatchType(attribution.match_type),
        occurred_at=row.occurred_at,
        outer_event_id=row.outer_event_id,
        amount_fen=row.amount_fen,
        properties=row.properties or {},
    )


def _lost_reports(rows: Sequence[Conversion]) -> set[uuid.UUID]:
    """Rows whose report was sent by a worker that died before the answer, if a second report would count twice.

    Rows resent by a person are excluded: the person decided to send them anyway.
    """
    known = platforms()
    counts_twice = outcomes.counts_twice
    sent = [row.pk for row in rows if row.body and not row.resend_reason and counts_twice(known.get(row.platform))]
    if not sent:
        return set()
    reports = Attempt.objects.filter(conversion__in=sent, kind=Attempt.Kind.REPORT)
    newest = reports.order_by("conversion", "-started_at", "-id").distinct("conversion")
    return {report.conversion_id for report in newest if report.outcome == Attempt.Outcome.UNKNOWN}


def _user(row: Conversion) -> User:
    return row.asked_as
