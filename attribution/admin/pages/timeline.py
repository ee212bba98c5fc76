"""A send record as a story: what happened, which ad and why, every attempt, and what comes next."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from attribution.admin.pages import links
from attribution.admin.pages.formats import moment, money
from attribution.admin.pages.wording import (
    TONES,
    code_in_words,
    event_in_words,
    reason_in_words,
    source_in_words,
    warning_in_words,
)
from attribution.devices.device_ids import DecryptionError
from attribution.models import AdIds, Attempt, Attribution, Conversion, EarlierAttribution, Event, State
from attribution.platforms.platform import Ad
from attribution.platforms.registry import ad_levels

# A record may have been resent many times; only its newest attempts are shown.
SHOWN_ATTEMPTS = 200
OUTCOME_TONES = {
    Attempt.Outcome.ACCEPTED: "good",
    Attempt.Outcome.WARNING: "warn",
    Attempt.Outcome.ATTRIBUTED: "good",
    Attempt.Outcome.NOT_ATTRIBUTED: "plain",
    Attempt.Outcome.REJECTED: "bad",
    Attempt.Outcome.UNAVAILABLE: "bad",
    Attempt.Outcome.UNKNOWN: "warn",
}
STATE_TONES = {"info": "live", "success": "good", "danger": "bad", "warning": "warn", "default": "plain"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    name: str
    value: Any
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """`tone`: good, bad, warn, live or plain. `request` and `response` are masked; None: nothing to show."""

    title: str
    at: datetime | None
    badge: str = ""
    tone: str = "plain"
    sentence: str = ""
    facts: list[Fact] = field(default_factory=list)
    request: str | None = None
    response: str | None = None


def steps(conversion: Conversion) -> list[Step]:
    """Makes one query, for the attempts, if the record was read with its app, attribution and resending user."""
    newest = conversion.attempts.select_related("resent_by").order_by("-started_at", "-kind", "-id")[:SHOWN_ATTEMPTS]
    attempts = [_attempt(attempt, conversion.platform) for attempt in reversed(newest)]
    return [_event(conversion), _attribution(conversion, bool(attempts)), *attempts, _next(conversion)]


def _event(row: Conversion) -> Step:
    facts = [
        (_("App"), row.app.slug),
        (_("Amount"), money(row.amount_fen) if row.amount_fen is not None else ""),
        (_("Properties"), json.dumps(row.properties, ensure_ascii=False) if row.properties else ""),
        (_("Order id") if row.event == Event.PAY else _("Event id"), row.outer_event_id),
        (_("System"), row.get_os_display()),
        (_("Channel"), row.channel),
        (_("Device ids"), _device(row)),
        (_("Derived by"), row.rule),
        (_("Received"), moment(row.received_at)),
    ]
    return Step(
        title=capfirst(event_in_words(row)),
        at=row.occurred_at,
        badge=_("event"),
        facts=[
            Fact(name=_("User"), value=row.user_id, url=links.records(q=row.user_id)),
            *(Fact(name=title, value=value) for title, value in facts if value),
        ],
    )


def _device(row: Conversion) -> str:
    try:
        return ", ".join(f"{name} {value}" for name, value in row.masked_device_ids.items())
    except DecryptionError:
        return _("unreadable: the encryption key is missing")


def _attribution(row: Conversion, was_asked: bool) -> Step:
    if row.earlier_attribution:
        return _earlier_attribution(row.earlier_attribution)
    found = row.attribution
    if found is None:
        sentence = _("No answer yet.") if was_asked else _("Not asked yet.")
        return Step(title=_("Which ad"), at=None, badge=_("not known"), sentence=sentence)
    if not found.is_attributed:
        return Step(
            title=_("Which ad"),
            at=found.asked_at,
            badge=_("organic"),
            sentence=_sentence(found.reason, found.detail),
        )
    return Step(
        title=_("Which ad"),
        at=found.attributed_at,
        badge=_("suspicious") if found.is_suspicious else source_in_words(found),
        tone="warn" if found.is_suspicious else "good",
        sentence=_sentence(found.reason, found.detail),
        facts=list(_facts_of_ad(found)),
    )


def _earlier_attribution(found: EarlierAttribution) -> Step:
    return Step(
        title=_("Which ad"),
        at=found.attributed_at,
        badge=source_in_words(found),
        tone="good",
        sentence=_sentence(found.reason, found.detail),
        facts=[
            *_levels(found),
            Fact(name=_("Activation"), value=moment(found.activated_at)),
            Fact(name=_("Another ad brought the user back"), value=moment(found.replaced_at)),
        ],
    )


def _levels(found: AdIds) -> Iterator[Fact]:
    yield Fact(name=_("Advertiser"), value=found.advertiser_id or _("unknown"))
    for level in ad_levels(found.platform, Ad.of(found)):
        if level.name or level.id:
            yield Fact(name=level.title, value=" · ".join(str(part) for part in (level.name, level.id) if part))


def _facts_of_ad(found: Attribution) -> Iterator[Fact]:
    yield from _levels(found)
    if found.click_id:
        url = reverse("admin:attribution_click_change", args=[found.click_id])
        yield Fact(
            name=capfirst(found.get_match_type_display()), value=moment(found.touched_at) or found.click_id, url=url
        )
    elif found.touched_at:
        yield Fact(name=_("Last touch"), value=moment(found.touched_at))
    yield Fact(name=_("Activation"), value=moment(found.activated_at))
    if found.click_to_install_s is not None:
        yield Fact(name=_("Click to install"), value=f"{found.click_to_install_s:,} s")


def _attempt(attempt: Attempt, platform: str) -> Step:
    is_waiting = attempt.outcome == Attempt.Outcome.UNKNOWN and attempt.duration_ms is None
    sentence = attempt.message if attempt.message != f"HTTP {attempt.http_status}" else ""
    if attempt.outcome == Attempt.Outcome.UNKNOWN:
        note = _("It was sent, but no answer was seen.")
        sentence = f"{attempt.message}. {note}" if attempt.message else note
    return Step(
        title=capfirst(attempt.get_kind_display()),
        at=attempt.started_at,
        badge=attempt.get_outcome_display(),
        tone="live" if is_waiting else OUTCOME_TONES.get(Attempt.Outcome(attempt.outcome), "plain"),
        sentence=sentence,
        facts=list(_facts_of_attempt(attempt, platform)),
        request=_pretty(attempt.request),
        response=_pretty(attempt.response),
    )


def _facts_of_attempt(attempt: Attempt, platform: str) -> Iterator[Fact]:
    if attempt.http_status is not None:
        yield Fact(name="HTTP", value=attempt.http_status)
    if attempt.code is not None:
        meaning = code_in_words(platform, attempt.code)
        yield Fact(name=_("Code"), value=f"{attempt.code} · {meaning}" if meaning else attempt.code)
    if attempt.duration_ms is not None:
        yield Fact(name=_("Took"), value=f"{attempt.duration_ms:,} ms")
    if attempt.resend_reason:
        yield Fact(name=_("Resent by"), value=attempt.resent_by or _("a user who was deleted"))
        yield Fact(name=_("Because"), value=attempt.resend_reason)


def _next(row: Conversion) -> Step:
    tone = STATE_TONES[TONES[row.state]]
    sentence = _sentence(row.reason, row.detail)
    facts = []
    if row.resend_reason:
        facts = [
            Fact(name=_("Resent by"), value=row.resend_by or _("a user who was deleted")),
            Fact(name=_("Because"), value=row.resend_reason),
        ]
    if row.warning:
        facts.append(Fact(name=_("Warning"), value=warning_in_words(row)))
    if row.due_at:
        facts.append(Fact(name=_("Given up after"), value=moment(row.give_up_at)))
        title = _("A worker is sending it") if row.lease_token else _("Next attempt")
        return Step(
            title=title, at=row.due_at, badge=row.get_state_display(), tone=tone, sentence=sentence, facts=facts
        )
    title = _("Waits until someone releases it") if row.state == State.HELD else _("Nothing more happens automatically")
    return Step(
        title=title, at=row.finished_at, badge=row.get_state_display(), tone=tone, sentence=sentence, facts=facts
    )


def _sentence(reason: str, detail: str) -> str:
    """The meaning of the reason, followed by the detail."""
    words = reason_in_words(reason)
    return " · ".join(filter(None, [words[:1].upper() + words[1:], detail]))


def _pretty(body: str) -> str | None:
    """Indented if it is JSON, otherwise unchanged."""
    try:
        return json.dumps(json.loads(body), ensure_ascii=False, indent=2) if body else None
    except (ValueError, RecursionError):
        return body
