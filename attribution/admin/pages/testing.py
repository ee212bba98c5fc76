"""Joint debugging (联调): how far each test came, step by step, and what is missing."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from operator import or_

from django.db.models import Q
from django.utils.translation import gettext as _

from attribution.admin.pages.wording import code_in_words, reason_in_words
from attribution.clicks import storage
from attribution.clicks.columns import COLUMNS
from attribution.clicks.matching import Kind
from attribution.devices.device_ids import DecryptionError
from attribution.models import Attempt, Click, Conversion, DebugDevice, State

SHOWN = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One step. `is_done` None: not reached yet."""

    title: str
    is_done: bool | None
    at: datetime | None = None
    sentence: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A test. `missing`: what to do next; empty: the platform took it."""

    record: Conversion
    checks: list[Check]
    missing: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Phone:
    """A phone on a test list, and its newest click."""

    device: DebugDevice
    click: Click | None


def trials() -> list[Trial]:
    """The newest tests."""
    newest = Conversion.objects.filter(is_test=True).select_related("app", "attribution").order_by("-received_at")
    return [_trial(record) for record in newest[:SHOWN]]


def phones() -> list[Phone]:
    devices = DebugDevice.objects.select_related("app").order_by("app", "pk")[:SHOWN]
    names = [kind.value for kind in Kind if kind not in (Kind.CAID, Kind.IP_USER_AGENT)]
    return [
        Phone(device=device, click=_newest_click(device.app_id, dict.fromkeys(names, device.raw_id)))
        for device in devices
    ]


def _trial(record: Conversion) -> Trial:
    attempts = list(record.attempts.order_by("started_at", "id"))
    asked = [attempt for attempt in attempts if attempt.kind == Attempt.Kind.LOOKUP]
    sent = [attempt for attempt in attempts if attempt.kind == Attempt.Kind.REPORT]
    click = _click_of(record)
    checks = [
        _clicked(click),
        _queried(asked, record),
        _found(record),
        _reported(sent, record),
        _answered(sent, record),
    ]
    return Trial(record=record, checks=checks, missing=_missing(record, click, asked))


def _clicked(click: Click | None) -> Check:
    title = _("Link called, click stored")
    if click is None:
        return Check(title=title, is_done=False, sentence=_("No click of this phone has come."))
    said = "" if click.callback_param else _("It brought no callback: the link lacks the callback parameter.")
    odd = ", ".join(click.oddities)
    sentence = " · ".join(filter(None, [said, odd and _("Not readable: %(names)s") % {"names": odd}]))
    return Check(title=title, is_done=bool(click.callback_param), at=click.clicked_at, sentence=sentence)


def _queried(asked: list[Attempt], record: Conversion) -> Check:
    title = _("Platform asked which ad")
    if not asked:
        return Check(title=title, is_done=None, sentence=reason_in_words(record.reason))
    last = asked[-1]
    is_done = last.outcome in (Attempt.Outcome.ATTRIBUTED, Attempt.Outcome.NOT_ATTRIBUTED)
    return Check(title=title, is_done=is_done, at=last.started_at, sentence=_words(last, record))


def _found(record: Conversion) -> Check:
    title, found = _("Ad found"), record.attribution
    if found is None:
        return Check(title=title, is_done=None)
    if not found.is_attributed:
        sentence = " · ".join(filter(None, [reason_in_words(found.reason), found.detail]))
        return Check(title=title, is_done=False, at=found.asked_at, sentence=sentence)
    words = [reason_in_words(found.reason), str(found.advertiser_id or ""), str(found.ad_label or "")]
    return Check(title=title, is_done=True, at=found.attributed_at, sentence=" · ".join(filter(None, words)))


def _reported(sent: list[Attempt], record: Conversion) -> Check:
    title = _("Conversion sent")
    if sent:
        sentence = f"outer_event_id {record.outer_event_id}"
        return Check(title=title, is_done=True, at=sent[-1].started_at, sentence=sentence)
    is_stopped = record.state in (State.SKIPPED, State.FAILED, State.HELD)
    sentence = reason_in_words(record.reason) if is_stopped else ""
    return Check(title=title, is_done=False if is_stopped else None, sentence=sentence)


def _answered(sent: list[Attempt], record: Conversion) -> Check:
    title = _("Platform's answer")
    if not sent:
        return Check(title=title, is_done=None)
    last = sent[-1]
    is_done = last.outcome in (Attempt.Outcome.ACCEPTED, Attempt.Outcome.WARNING)
    return Check(title=title, is_done=is_done, at=last.started_at, sentence=_words(last, record))


def _words(attempt: Attempt, record: Conversion) -> str:
    code = "" if attempt.code is None else _("code %(code)s") % {"code": attempt.code}
    meaning = code_in_words(record.platform, attempt.code)
    words = [str(attempt.get_outcome_display()), code, meaning or attempt.message]
    return " · ".join(filter(None, words))


def _missing(record: Conversion, click: Click | None, asked: list[Attempt]) -> str:
    if record.state == State.REPORTED:
        return ""
    if record.reason == "no_package":
        return _("Enter the app's package for this system: the platform is asked with it.")
    if record.state == State.HELD:
        return _("Waiting: %(why)s.") % {"why": reason_in_words(record.reason)}
    if record.state == State.ORGANIC and click is None:
        return _(
            "The platform knows no click of this phone, and none came to the monitor link. First click the test ad on "
            "the phone, then open the app; compare the id that the app sends with the phone's."
        )
    if record.state == State.ORGANIC:
        return _("A click came, but it does not match: %(why)s.") % {"why": reason_in_words(record.reason)}
    if record.state in (State.REJECTED, State.FAILED, State.SKIPPED):
        return _("It ended: %(why)s.") % {"why": record.detail or reason_in_words(record.reason)}
    return _("The platform is being asked.") if not asked else _("Waiting for the next try.")


def _click_of(record: Conversion) -> Click | None:
    try:
        return _newest_click(record.app_id, record.device_ids)
    except DecryptionError:
        return None


def _newest_click(app_id: int, ids: Mapping[str, str]) -> Click | None:
    """By ids alone: an address is shared by many phones."""
    wanted = list(_by_id(ids))
    if not wanted:
        return None
    return Click.objects.filter(reduce(or_, wanted), app=app_id).order_by("-clicked_at").first()


def _by_id(ids: Mapping[str, str]) -> Iterator[Q]:
    for kind, digests in storage.device_of(ids).digests.items():
        if kind is Kind.IP_USER_AGENT:
            continue
        for column in COLUMNS[kind]:
            lookup = "overlap" if kind is Kind.CAID else "in"
            yield Q(**{f"{column}__{lookup}": list(digests)})
