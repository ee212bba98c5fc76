"""What a message says, in its channel's language."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.formats import date_format
from django.utils.timesince import timesince
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from foundation.alerts.channels.channel_kind import Message
from foundation.alerts.models import Channel, Incident, Notice

SITE = "Rivermouth"  # in every message, so that a robot with a keyword can use it
WORD_CHARS = 200
# The room for "and 12 more" and its address.
_REST_BYTES = 300


def compose(channel: Channel, notices: Sequence[Notice], now: datetime) -> Message:
    """Write one message about all notices; set their `text`. Those without room are counted, with a link to the list.

    So even on the worst day a channel gets two messages a minute; robots accept twenty, and then none for ten minutes.
    """
    with translation.override(channel.language):
        for notice in notices:
            notice.text = _text(notice, now)
        return Message(
            id=_message_id(notices),
            title=f"{SITE}: {_title(notices)}",
            text=_fitting([notice.text for notice in notices], channel.channel_kind.max_bytes),
            facts=[_facts(notice) for notice in notices],
        )


def compose_test(channel: Channel, now: datetime) -> Message:
    with translation.override(channel.language):
        title = _("Test of the channel “%(channel)s”") % {"channel": channel.name}
        text = _("When something goes wrong, it is reported here.")
        address = _absolute(reverse("admin:alerts_channel_change", args=[channel.pk]))
        return Message(
            id=f"test-{channel.pk}-{int(now.timestamp())}",
            title=f"{SITE}: {title}",
            text=f"[{SITE}] {title}\n{text}\n{address}",
        )


def headline(incident: Incident, *, is_over: bool = False) -> str:
    """What is wrong, in the active language."""
    watch = incident.rule.registered
    if watch is None:
        return f"{incident.rule} · {incident.key}"
    words = {name: _one_line(value) for name, value in watch.name(incident.words).items()}
    words |= {"key": _one_line(incident.key), "number": f"{incident.number:,}"}
    try:
        return str(watch.over if is_over else watch.text) % words
    except (KeyError, ValueError):  # the words are from an older release, whose text had other placeholders
        return f"{watch.title} · {incident.key}"


def _text(notice: Notice, now: datetime) -> str:
    incident = notice.incident
    lines = [f"[{SITE}] {_headline(notice, now)}", _("Since %(time)s") % {"time": _moment(incident.began_at)}]
    return "\n".join([*lines, _absolute(incident.path)])


def _headline(notice: Notice, now: datetime) -> str:
    incident = notice.incident
    text = headline(incident, is_over=notice.event == Notice.Event.OVER)
    lasted = timesince(incident.began_at, incident.ended_at or now).replace("\xa0", " ")
    if notice.event == Notice.Event.OVER:
        return _("Over after %(duration)s: %(text)s") % {"duration": lasted, "text": text}
    if notice.event == Notice.Event.REMINDER:
        return _("Still, for %(duration)s: %(text)s") % {"duration": lasted, "text": text}
    return _("Alert: %(text)s") % {"text": text}


def _title(notices: Sequence[Notice]) -> str:
    if len(notices) > 1:
        return ngettext("%d alert message", "%d alert messages", len(notices)) % len(notices)
    return notices[0].text.partition("\n")[0].removeprefix(f"[{SITE}] ")


def _fitting(texts: Sequence[str], max_bytes: int) -> str:
    whole = "\n\n".join(texts)
    if len(whole.encode()) <= max_bytes:
        return whole
    fitting: list[str] = []
    room = max_bytes - _REST_BYTES
    for text in texts:
        room -= len(text.encode()) + 2
        if room < 0:
            break
        fitting.append(text)
    if not fitting:
        return texts[0].encode()[: max_bytes - _REST_BYTES].decode(errors="ignore")
    more = len(texts) - len(fitting)
    rest = ngettext("… and %d more:", "… and %d more:", more) % more
    return "\n\n".join([*fitting, f"{rest} {_absolute(reverse('admin:alerts_incident_changelist'))}"])


def _facts(notice: Notice) -> dict[str, Any]:
    incident = notice.incident
    return {
        "id": f"{notice.incident_id}-{notice.event}-{notice.number}",
        "incident": notice.incident_id,
        "event": notice.event,
        "watch": incident.rule.watch,
        "key": incident.key,
        "number": incident.number,
        "text": headline(incident, is_over=notice.event == Notice.Event.OVER),
        "url": _absolute(incident.path),
        "began_at": incident.began_at.isoformat(),
        "ended_at": incident.ended_at.isoformat() if incident.ended_at else None,
    }


def _message_id(notices: Sequence[Notice]) -> str:
    numbers = ",".join(str(notice.pk) for notice in notices)
    return "alert-" + hashlib.sha256(numbers.encode()).hexdigest()[:32]


def _absolute(path: str) -> str:
    return f"{settings.PUBLIC_URL}{path}"


def _moment(at: datetime) -> str:
    return date_format(timezone.localtime(at), "Y-m-d H:i")


def _one_line(value: object) -> str:
    return " ".join(str(value).split())[:WORD_CHARS]
