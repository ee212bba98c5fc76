"""The way of due conversions: claim, ask for the attribution, report, settle.

1. Claim a batch of due rows: `SKIP LOCKED`, a lease, a fencing token. The claim commits before anything else happens.
2. Plan: rows whose user's ad is known go on to the report; for the others each user is asked about once.
3. Call: attempts, and the body of a first report, are stored before the requests leave.
4. Settle: results are written in bulk, where the token is still ours.

Steps overlap: while calls are under way, others are settled and more rows are claimed, so a slow answer holds up
nothing but its own row.
"""

import time
import uuid
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from attribution import attributions, bulk, destinations, device_ids, ocean_engine, retry
from attribution.attributions import User
from attribution.calls import Call, Lines
from attribution.destinations import Destinations
from attribution.models import App, Attempt, Attribution, Conversion, Destination
from attribution.ocean_engine import OceanEngineRejected, OceanEngineUnavailable

# Rows in one worker's hands: enough to keep the threads busy while results are written.
CAPACITY_PER_THREAD = 6

SETTLED_FIELDS = [
    "state", "reason", "detail", "warning", "due_at", "lookups", "tries", "attribution", "advertiser_id", "finished_at",
]  # fmt: skip
SENT_FIELDS = ["body", "attribution", "advertiser_id", "resend_by", "resend_reason"]
ANSWERED_FIELDS = ["outcome", "duration_ms", "http_status", "code", "message", "response"]

_CLAIM = f"""
    UPDATE {Conversion._meta.db_table} SET due_at = %(lease_until)s, lease_token = %(token)s
    WHERE id IN (
        SELECT id FROM {Conversion._meta.db_table} WHERE due_at <= %(now)s
        ORDER BY due_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
    ) RETURNING *
"""  # noqa: S608  # the table's name is ours


def deliver_due(*, budget_s: float, clock: Callable[[], datetime]) -> bool:
    """Deliver what is due. Returns whether more may be left after `budget_s`."""
    return _Round(clock).run(give_up_at=time.monotonic() + budget_s)


class _Round:
    """One worker's turn at the queue."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._lines = Lines()
        self._destinations = Destinations()
        self._apps: dict[int, App] = {}

    def run(self, *, give_up_at: float) -> bool:
        capacity = settings.CONVERSION_CONCURRENCY * CAPACITY_PER_THREAD
        while True:
            is_over = time.monotonic() > give_up_at
            claimed = 0
            if not is_over and len(self._lines) <= capacity // 2:
                claimed = self._claim(capacity - len(self._lines))
            self._launch()
            finished = self._lines.finished()
            if finished:
                self._settle(finished)
            elif not claimed:
                return is_over

    def _claim(self, limit: int) -> int:
        now = self._clock()
        claimed = list(
            Conversion.objects.raw(
                _CLAIM,
                {
                    "now": now,
                    "limit": limit,
                    "token": uuid.uuid4(),
                    "lease_until": now + timedelta(seconds=settings.CONVERSION_LEASE_S),
                },
            )
        )
        if claimed:
            self._plan(claimed, now)
        return len(claimed)

    def _plan(self, rows: Sequence[Conversion], now: datetime) -> None:
        """Put each row into the line of its next call, or settle it at once."""
        self._apps = App.objects.prefetch_related("channel_packages").in_bulk({row.app_id for row in rows})
        self._destinations.load()
        known = attributions.stored({_user(row) for row in rows})
        to_ask: dict[User, list[Conversion]] = {}
        settled = []
        for row in rows:
            attribution = known.get(_user(row))
            if not self._apps[row.app_id].is_reporting:
                row.mark_held("app_switched_off")
                settled.append(row)
            elif row.body or (attribution and attribution.is_attributed):
                self._queue_report(row, attribution)
            elif attribution and attributions.is_fresh(attribution, now):
                _mark_organic(row, attribution, now)
                settled.append(row)
            else:
                to_ask.setdefault(_user(row), []).append(row)
        settled += [row for rows in to_ask.values() for row in self._queue_lookup(rows)]
        _save_settled(settled)

    def _queue_lookup(self, rows: list[Conversion]) -> list[Conversion]:
        """Ask once for all events of one user. Returns the rows if there is nothing to ask with."""
        row = min(rows, key=lambda row: row.occurred_at)
        package = self._apps[row.app_id].package_for(os=row.os, channel=row.channel)
        if not package:
            for each in rows:
                each.mark_held("no_package", f"the app has no package for {row.os}")
            return rows
        body = ocean_engine.attribution_body(
            os=row.os, device_id=row.platform_device_id, package=package, activated_at=row.occurred_at
        )
        self._lines.add(Call(Destination.ATTRIBUTION_QUERY, Attempt.Kind.LOOKUP, rows, body))
        return []

    def _queue_report(self, row: Conversion, attribution: Attribution | None) -> None:
        if not row.body and attribution:
            row.attribution = attribution
            row.advertiser_id = attribution.advertiser_id or Destination.UNKNOWN_ADVERTISER
            row.write_body(callback_param=attribution.callback_param)
        self._lines.add(Call(row.destination_key, Attempt.Kind.REPORT, [row], row.read_body()))

    def _launch(self) -> None:
        """Send what may be sent now; what waits for a destination that is off or broken is held."""
        now = self._clock()
        self._destinations.introduce(self._lines.destinations())
        for key in self._lines.destinations():
            if self._destinations.allowance(key, now) == 0:
                self._hold(key, now)
        calls = self._lines.take(lambda key: self._destinations.allowance(key, now))
        calls = [call for call in calls if self._is_time_left(call, now)]
        if calls:
            self._lines.start(self._written_down(calls, now))

    def _hold(self, key: str, now: datetime) -> None:
        rows = [row for call in self._lines.leave(key) for row in call.conversions]
        for row in rows:
            if self._destinations.is_enabled(key):
                row.mark_held("breaker_open", due_at=retry.spread(self._destinations.open_until(key, now=now)))
            else:
                row.mark_held("destination_switched_off")
        _save_settled(rows)

    def _is_time_left(self, call: Call, now: datetime) -> bool:
        """Whether the lease outlives the call. If not, the row becomes due again by itself."""
        call_s = settings.OCEANENGINE_CONNECT_TIMEOUT_S + settings.OCEANENGINE_TOTAL_TIMEOUT_S
        return all(row.due_at and row.due_at > now + timedelta(seconds=call_s) for row in call.conversions)

    def _written_down(self, calls: Sequence[Call], now: datetime) -> list[Call]:
        """The calls whose row is still ours, with their attempt in the database."""
        for call in calls:
            call.attempt = call.conversions[0].new_attempt(call.kind, request=device_ids.mask_json(call.body), now=now)
        reported = [call.conversions[0] for call in calls if call.kind == Attempt.Kind.REPORT]
        with transaction.atomic():
            ours = bulk.update(reported, SENT_FIELDS, guard="lease_token") if reported else set()
            kept = [call for call in calls if call.kind == Attempt.Kind.LOOKUP or call.conversions[0].id in ours]
            Attempt.objects.bulk_create([call.attempt for call in kept if call.attempt])
        return kept

    def _settle(self, calls: Sequence[Call]) -> None:
        """Write the results; first the rows, since an attempt without an answer is better than a report sent twice."""
        now = self._clock()
        settled = []
        for call in calls:
            self._note(call)
            if isinstance(call.error, OceanEngineUnavailable):
                settled += _put_off(call, call.error, now)
            elif call.kind == Attempt.Kind.REPORT:
                settled += _concluded(call, now)
        answered = [call for call in calls if call.kind == Attempt.Kind.LOOKUP and not _is_unavailable(call)]
        settled += self._settle_lookups(answered, now)
        _save_settled(settled)
        _save_attempts(calls)
        destinations.release(self._destinations.save(now), now=now)

    def _settle_lookups(self, calls: Sequence[Call], now: datetime) -> list[Conversion]:
        """Store the answers; rows with an ad go on to their report, the others are returned, settled."""
        found = [attributions.from_answer(call.conversions[0], call.answer, now=now) for call in calls if call.answer]
        known = attributions.save(found)
        attributions.wake({(row.app_id, row.user_id) for row in found if row.is_attributed}, now=now)
        settled = []
        for call in calls:
            for row in call.conversions:
                row.tries = 0
                attribution = known.get(_user(row))
                if attribution and attribution.is_attributed:
                    self._queue_report(row, attribution)
                    continue
                if isinstance(call.error, OceanEngineRejected):
                    row.mark_rejected("lookup_rejected", str(call.error), now=now)
                elif attribution:
                    _mark_organic(row, attribution, now)
                settled.append(row)
        return settled

    def _note(self, call: Call) -> None:
        error = call.error
        if not isinstance(error, OceanEngineUnavailable):
            self._destinations.note_answer(call.destination)
        elif error.is_throttled:
            self._destinations.note_throttling(call.destination, error.retry_after_s, str(error))
        else:
            self._destinations.note_failure(call.destination, str(error))


def _user(row: Conversion) -> User:
    return row.app_id, row.user_id


def _is_unavailable(call: Call) -> bool:
    return isinstance(call.error, OceanEngineUnavailable)


def _mark_organic(row: Conversion, attribution: Attribution, now: datetime) -> None:
    row.lookups += 1
    row.attribution = attribution
    row.mark_organic(attribution.reason, due_at=retry.next_lookup_at(now=now, lookups=row.lookups), now=now)


def _put_off(call: Call, error: OceanEngineUnavailable, now: datetime) -> list[Conversion]:
    for row in call.conversions:
        if error.is_throttled:
            due_at = retry.after_throttling(now=now, give_up_at=row.give_up_at, retry_after_s=error.retry_after_s)
        else:
            row.tries += 1
            due_at = retry.next_try_at(
                now=now, tries=row.tries, give_up_at=row.give_up_at, retry_after_s=error.retry_after_s
            )
        if due_at:
            row.put_off(str(error), due_at=due_at)
        else:
            row.mark_failed("budget_used_up", str(error), now=now)
    return call.conversions


def _concluded(call: Call, now: datetime) -> list[Conversion]:
    """The row of a report that got its verdict."""
    [row] = call.conversions
    if call.error:
        row.mark_rejected("report_rejected", str(call.error), now=now)
    else:
        is_warning = call.reply.code == ocean_engine.ACCEPTED_WITH_WARNING
        row.mark_reported(warning=f"code {call.reply.code}: {call.reply.message}" if is_warning else "", now=now)
    return [row]


def _save_settled(rows: Sequence[Conversion]) -> None:
    if rows:
        bulk.update(rows, SETTLED_FIELDS, guard="lease_token", clear_guard=True)


def _save_attempts(calls: Iterable[Call]) -> None:
    attempts = []
    for call in calls:
        if attempt := call.attempt:
            attempt.outcome = _outcome(call)
            attempt.duration_ms = call.reply.duration_ms
            attempt.http_status = call.reply.http_status
            attempt.code = call.reply.code
            attempt.message = str(call.error) if call.error else call.reply.message
            attempt.response = device_ids.mask_json(call.reply.body).replace("\x00", "")
            attempts.append(attempt)
    bulk.update(attempts, ANSWERED_FIELDS)


def _outcome(call: Call) -> Attempt.Outcome:
    if isinstance(call.error, OceanEngineUnavailable):
        return Attempt.Outcome.UNKNOWN if call.error.is_unknown else Attempt.Outcome.UNAVAILABLE
    if call.error:
        return Attempt.Outcome.REJECTED
    if call.answer:
        return Attempt.Outcome.ATTRIBUTED if call.answer.is_attributed else Attempt.Outcome.NOT_ATTRIBUTED
    is_warning = call.reply.code == ocean_engine.ACCEPTED_WITH_WARNING
    return Attempt.Outcome.WARNING if is_warning else Attempt.Outcome.ACCEPTED
