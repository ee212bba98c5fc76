"""Events that nobody reports: derived here from other events, by the rules of the app.

- `next_day_open`: the user's first event on the calendar day (`TIME_ZONE`) after the activation.
- `game_addiction`: within some hours after the activation, an event or a chat happened often enough.

A derived event is like any other, once per user; its row shows the rule. Events may arrive in any order: if the
activation comes late, events that are already stored count.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from operator import attrgetter

from django.utils import timezone

from attribution.events.reported import ReportedEvent, dedup_key
from attribution.models import App, Conversion, Event
from attribution.models.users import User, users_in


def from_events(
    events: Sequence[ReportedEvent], apps: Mapping[int, App], *, new: Sequence[ReportedEvent]
) -> list[ReportedEvent]:
    """The events derived from these events, which are all stored, the `new` ones just now. At most three queries."""
    events = [event for event in events if apps[event.app_id].has_rules and not event.is_test]
    activations = activations_of({(event.app_id, event.user_id) for event in events})
    events = [event for event in events if (event.app_id, event.user_id) in activations]
    events = sorted([*events, *_earlier(new, apps)], key=attrgetter("occurred_at"))
    return [
        *_next_day_opens(events, activations, apps),
        *_key_behaviours(events, activations, apps),
    ]


def _earlier(new: Sequence[ReportedEvent], apps: Mapping[int, App]) -> Iterator[ReportedEvent]:
    """The stored events of users whose activation is new, in case it came late; with the activation's device."""
    activated = {
        (event.app_id, event.user_id): event
        for event in new
        if event.event == Event.ACTIVE and apps[event.app_id].has_rules and not event.is_test
    }
    if not activated:
        return
    stored = Conversion.objects.filter(users_in(activated), is_test=False).exclude(event=Event.ACTIVE)
    for app_id, user_id, event, occurred_at in stored.values_list("app_id", "user_id", "event", "occurred_at"):
        yield replace(activated[app_id, user_id], event=event, occurred_at=occurred_at)


def activations_of(users: Collection[User]) -> dict[User, datetime]:
    """When these users became active; users who did not are left out."""
    keys = [dedup_key(app_id=app_id, user_id=user_id, event=Event.ACTIVE) for app_id, user_id in users]
    rows = Conversion.objects.filter(dedup_key__in=keys) if keys else Conversion.objects.none()
    return {(app_id, user_id): at for app_id, user_id, at in rows.values_list("app_id", "user_id", "occurred_at")}


def key_behaviour_window(app: App, activated_at: datetime) -> tuple[datetime, datetime]:
    return activated_at, activated_at + timedelta(hours=app.key_behaviour_hours)


def key_behaviour(app: App, activation: Conversion, *, occurred_at: datetime) -> ReportedEvent:
    """The event of a user who fulfilled the rule by something that was not an event."""
    return ReportedEvent(
        app_id=app.pk,
        user_id=activation.user_id,
        event=Event.KEY_BEHAVIOUR,
        os=activation.os,
        device=activation.device_ids,
        channel=activation.channel,
        occurred_at=occurred_at,
        rule=_key_behaviour_rule(app),
    )


def _next_day_opens(
    events: Sequence[ReportedEvent], activations: Mapping[User, datetime], apps: Mapping[int, App]
) -> Iterator[ReportedEvent]:
    for event in events:
        day = timezone.localdate(event.occurred_at)
        activation_day = timezone.localdate(activations[event.app_id, event.user_id])
        if apps[event.app_id].derives_next_day_open and day == activation_day + timedelta(days=1):
            yield _derived(event, Event.NEXT_DAY, f"first event on {day}, the day after the activation")


def _key_behaviours(
    events: Sequence[ReportedEvent], activations: Mapping[User, datetime], apps: Mapping[int, App]
) -> Iterator[ReportedEvent]:
    counted = [event for event in events if event.event == apps[event.app_id].key_behaviour_event]
    if not counted:
        return
    counts = _counts(counted, activations, apps)
    for event in reversed(counted):  # a user's latest event comes first and is kept: by then the rule was fulfilled
        app, user = apps[event.app_id], (event.app_id, event.user_id)
        since, until = key_behaviour_window(app, activations[user])
        if counts[user] >= app.key_behaviour_count and since <= event.occurred_at <= until:
            yield _derived(event, Event.KEY_BEHAVIOUR, _key_behaviour_rule(app))


def _counts(
    events: Sequence[ReportedEvent], activations: Mapping[User, datetime], apps: Mapping[int, App]
) -> Counter[User]:
    """How often each of these users did the thing that the app's rule counts, within its hours."""
    stored = Conversion.objects.filter(
        users_in({(event.app_id, event.user_id) for event in events}),
        event__in={event.event for event in events},
        is_test=False,
    )
    counts: Counter[User] = Counter()
    for app_id, user_id, event, occurred_at in stored.values_list("app_id", "user_id", "event", "occurred_at"):
        user = (app_id, user_id)
        if user in activations and event == apps[app_id].key_behaviour_event:
            since, until = key_behaviour_window(apps[app_id], activations[user])
            counts[user] += since <= occurred_at <= until
    return counts


def _derived(event: ReportedEvent, name: Event, rule: str) -> ReportedEvent:
    return replace(event, event=name, rule=rule, amount_fen=None, outer_event_id="")


def _key_behaviour_rule(app: App) -> str:
    """The rule as text, for people who read the row."""
    times = f"{app.key_behaviour_count} × {app.key_behaviour_event}"
    return f"{times} within {app.key_behaviour_hours} h of the activation"
