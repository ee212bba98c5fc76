"""What becomes of rows: organic, waiting, put off, reported, refused; and of the attempts that were made for them."""

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.conf import settings

from attribution.delivery import retry
from attribution.delivery.calls import Call
from attribution.devices import device_ids
from attribution.models import Attempt, Attribution, Conversion, State
from attribution.platforms.http import PlatformUnavailable
from attribution.platforms.platform import Platform
from foundation.database import bulk

logger = logging.getLogger(__name__)

ANSWERED_FIELDS = ["outcome", "duration_ms", "http_status", "code", "message", "response"]


def mark_organic(row: Conversion, attribution: Attribution, now: datetime) -> None:
    row.lookups += 1
    row.attribution = attribution
    row.mark_organic(attribution.reason, due_at=retry.next_lookup_at(now=now, lookups=row.lookups), now=now)


def mark_waiting(row: Conversion, now: datetime, *, until: datetime) -> None:
    """Hold a row for a broken destination; this uses up the row's time but not its budget."""
    if row.give_up_at > now:
        row.mark_held("breaker_open", due_at=until)
    else:
        row.mark_failed("budget_used_up", "The destination did not recover in time", now=now)


def repeat(call: Call, now: datetime) -> list[Conversion]:
    """Try the rows again at once: what was refused has been mended."""
    for row in call.conversions:
        row.put_off(str(call.error), due_at=now)
    return call.conversions


def lock_out(call: Call, now: datetime) -> list[Conversion]:
    """Hold the rows of a destination that does not let us in; this uses up their time but not their budget."""
    for row in call.conversions:
        mark_waiting(row, now, until=retry.spread(now + timedelta(seconds=settings.BREAKER_OPEN_S)))
        if row.state == State.HELD:
            row.reason, row.detail = "unauthorised", str(call.error)
    return call.conversions


def put_off_refused(call: Call, now: datetime) -> list[Conversion]:
    """Put off the rows of a refused call that have tries left. Returns these."""
    waiting = []
    for row in call.conversions:
        row.refusals += 1
        due_at = retry.after_refusal(now=now, refusals=row.refusals, give_up_at=row.give_up_at)
        if due_at:
            row.put_off(str(call.error), due_at=due_at)
            waiting.append(row)
    return waiting


def put_off(call: Call, error: PlatformUnavailable, now: datetime) -> list[Conversion]:
    for row in call.conversions:
        if error.is_unknown and not call.lookup and counts_twice(call.platform):
            row.mark_failed("outcome_unknown", str(error), now=now)
            continue
        if call.is_probe and not error.is_throttled:  # the destination's failure, not the row's
            mark_waiting(row, now, until=retry.spread(now + timedelta(seconds=settings.BREAKER_OPEN_S)))
            continue
        due_at = _next_try_at(row, error, now)
        if due_at:
            row.put_off(str(error), due_at=due_at)
        else:
            row.mark_failed("budget_used_up", str(error), now=now)
    return call.conversions


def _next_try_at(row: Conversion, error: PlatformUnavailable, now: datetime) -> datetime | None:
    if error.is_throttled:
        return retry.after_throttling(now=now, give_up_at=row.give_up_at, retry_after_s=error.retry_after_s)
    row.tries += 1
    return retry.next_try_at(now=now, tries=row.tries, give_up_at=row.give_up_at, retry_after_s=error.retry_after_s)


def concluded(call: Call, now: datetime) -> list[Conversion]:
    """The row of a report that received its verdict."""
    [row] = call.conversions
    if call.error:
        row.mark_rejected("report_rejected", str(call.error), now=now)
        status, code = call.reply.http_status, call.reply.code
        logger.warning("%s refused conversion %s: HTTP %s, code %s", row.platform, row.pk, status, code)
    else:
        row.mark_reported(warning=call.reply.warning, now=now)
    return [row]


def save_attempts(calls: Iterable[Call]) -> None:
    attempts = []
    for call in calls:
        if attempt := call.attempt:
            attempt.outcome = _outcome(call)
            attempt.duration_ms = call.reply.duration_ms
            attempt.http_status = call.reply.http_status
            attempt.code = call.reply.code
            attempt.message = str(call.error) if call.error else call.reply.message
            response = device_ids.mask_message(call.reply.body, call.platform.personal_fields)
            attempt.response = response.replace("\x00", "")
            attempts.append(attempt)
    bulk.update(attempts, ANSWERED_FIELDS)


def _outcome(call: Call) -> Attempt.Outcome:
    if isinstance(call.error, PlatformUnavailable):
        return Attempt.Outcome.UNKNOWN if call.error.is_unknown else Attempt.Outcome.UNAVAILABLE
    if call.error:
        return Attempt.Outcome.REJECTED
    if call.answer:
        return Attempt.Outcome.ATTRIBUTED if call.answer.is_attributed else Attempt.Outcome.NOT_ATTRIBUTED
    return Attempt.Outcome.WARNING if call.reply.warning else Attempt.Outcome.ACCEPTED


def counts_twice(platform: Platform | None) -> bool:
    return platform is not None and not platform.deduplicates
