"""Compares what is wrong now with what is known: incidents begin, continue and end, and messages about them are queued.

1. Each rule is looked at in a transaction that holds its row: another process skips it meanwhile, and a process that is
killed leaves everything as it was.
2. A cause that is new becomes an incident; one that its check has not yielded for the rule's `over_after_minutes` ends.
3. Outside quiet hours, people are told: a first message, reminders, an all-clear. A message is a row (`Notice`); it is
   sent by `sending`, in a task of its own, so that no channel holds this up.
"""

import logging
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from foundation import queueing
from foundation.alerts.models import Channel, Incident, Notice, Rule
from foundation.database import patience
from foundation.hooks import alerts
from foundation.hooks.alerts import Cause, NotKnownError, Watch

logger = logging.getLogger(__name__)

TASK = "alerts.send"
# Messages that could not be delivered for this long are given up; they stay in the log.
GIVE_UP_AFTER = timedelta(hours=24)
KEY_CHARS, PATH_CHARS = 255, 500


def notice(now: datetime) -> int:
    """One pass of the upkeep: check everything, and wake a worker if messages wait. Returns the number queued."""
    queued = look(now)
    if Notice.objects.waiting().exists():
        queueing.send(TASK)
    return queued


def look(now: datetime) -> int:
    """Check every watch, also when one of them fails. Returns the number of messages queued."""
    Rule.objects.introduce()
    queued = sum(_look_safely(watch, now) for watch in alerts.watches().values())
    Notice.objects.waiting().filter(created_at__lt=now - GIVE_UP_AFTER).update(state=Notice.State.FAILED)
    return queued


def _look_safely(watch: Watch, now: datetime) -> int:
    try:
        with patience.limited():
            return _look_at(watch, now)
    except NotKnownError:
        return 0
    except Exception:  # a bug in one check: people still hear about all the others
        logger.exception("Watching %s", watch.kind)
        return 0


def _look_at(watch: Watch, now: datetime) -> int:
    rule = Rule.objects.filter(watch=watch.kind).select_for_update(skip_locked=True).first()
    if rule is None:
        return 0
    if not rule.is_enabled:
        _forget(rule, now)
        return 0
    causes = {cause.key[:KEY_CHARS]: cause for cause in watch.check(rule.threshold, now)}
    _follow(rule, causes, now)
    _end(rule, now)
    return 0 if rule.is_quiet(now) else _tell(rule, now)


def _forget(rule: Rule, now: datetime) -> None:
    """The rule was switched off: its open incidents end, and nobody is told."""
    unfinished = rule.incidents.filter(is_over_told=False)
    Notice.objects.drop_unsent(list(unfinished.values_list("pk", flat=True)))
    unfinished.filter(ended_at=None).update(ended_at=now)
    unfinished.update(is_over_told=True)


def _follow(rule: Rule, causes: Mapping[str, Cause], now: datetime) -> None:
    known = {incident.key: incident for incident in rule.incidents.open()}
    new = [Incident(rule=rule, key=key, began_at=now) for key in causes if key not in known]
    seen = [known[key] for key in causes if key in known]
    for incident in (*new, *seen):
        cause = causes[incident.key]
        incident.words, incident.number, incident.path = dict(cause.words), cause.number, cause.path[:PATH_CHARS]
        incident.seen_at = now
    Incident.objects.bulk_create(new)
    Incident.objects.bulk_update(seen, ["words", "number", "path", "seen_at"], batch_size=500)


def _end(rule: Rule, now: datetime) -> None:
    well_since = now - timedelta(minutes=rule.over_after_minutes)
    over = rule.incidents.open().exclude(seen_at=now).filter(seen_at__lte=well_since)
    ended = list(over.values_list("pk", flat=True))
    rule.incidents.filter(pk__in=ended).update(ended_at=now)
    # It began and ended within quiet hours: it stays in the log, and nobody is told.
    rule.incidents.filter(pk__in=ended, told_at=None).update(is_over_told=True)
    Notice.objects.drop_unsent(ended)


def _tell(rule: Rule, now: datetime) -> int:
    channels = rule.told_channels()
    untold = list(rule.incidents.open().filter(told_at=None))
    notices = _notices(untold, channels, Notice.Event.BEGAN, now)
    next_at = now + timedelta(hours=rule.reminder_hours) if rule.reminder_hours else None
    for incident in untold:
        incident.told_at, incident.remind_at = now, next_at
    notices += _reminders(rule, channels, now)
    over = list(rule.incidents.filter(is_over_told=False).exclude(ended_at=None).exclude(told_at=None))
    notices += _all_clears(over, now)
    Incident.objects.bulk_update(untold, ["told_at", "remind_at"], batch_size=500)
    Incident.objects.filter(pk__in=[each.pk for each in over]).update(is_over_told=True)
    Notice.objects.bulk_create(notices, ignore_conflicts=True)
    return len(notices)


def _reminders(rule: Rule, channels: list[Channel], now: datetime) -> list[Notice]:
    """A channel that still has a message waiting gets no reminder on top."""
    if not rule.reminder_hours:
        return []
    due = list(rule.incidents.open().filter(remind_at__lte=now, seen_at=now))
    for incident in due:
        incident.reminders += 1
        incident.remind_at = now + timedelta(hours=rule.reminder_hours)
    Incident.objects.bulk_update(due, ["reminders", "remind_at"], batch_size=500)
    waiting = set(Notice.objects.waiting().filter(incident__in=due).values_list("incident_id", "channel_id"))
    found = _notices(due, channels, Notice.Event.REMINDER, now)
    return [each for each in found if (each.incident_id, each.channel_id) not in waiting]


def _all_clears(over: list[Incident], now: datetime) -> list[Notice]:
    """For those who may have heard that it began."""
    began = Notice.objects.filter(incident__in=over, event=Notice.Event.BEGAN, channel__is_enabled=True)
    return [
        Notice(incident_id=incident, channel_id=channel, event=Notice.Event.OVER, created_at=now)
        for incident, channel in began.may_have_arrived().values_list("incident_id", "channel_id")
    ]


def _notices(
    incidents: Iterable[Incident], channels: list[Channel], event: Notice.Event, now: datetime
) -> list[Notice]:
    return [
        Notice(incident=incident, channel=channel, event=event, number=incident.reminders, created_at=now)
        for incident in incidents
        for channel in channels
    ]
