"""Channels, rules, what is wrong now (incidents), and every message about it (notices)."""

import datetime as dt
import re
from collections.abc import Collection
from urllib.parse import parse_qsl, urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, validate_email
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from foundation import sealing
from foundation.alerts.channels import KINDS
from foundation.alerts.channels.channel_kind import Address, ChannelKind
from foundation.hooks import alerts
from foundation.hooks.alerts import Watch

# The pause after a channel's failure, doubled with each further failure in a row.
RETRY_AFTER = dt.timedelta(seconds=30)
RETRY_AFTER_MAX = dt.timedelta(minutes=30)
_SEPARATORS = re.compile(r"[\s,;]+")
# Shorter parts of an address are words such as "hook", which an answer may contain legitimately.
_SECRET_CHARS = 8


class Channel(models.Model):
    """Where alerts are sent. Address and secret are encrypted, and never shown again."""

    name = models.CharField(_("name"), max_length=100, unique=True)
    kind = models.CharField(_("kind"), max_length=16, choices=[(slug, kind.title) for slug, kind in KINDS.items()])
    language = models.CharField(_("language"), max_length=10, choices=settings.LANGUAGES, default="en")
    is_enabled = models.BooleanField(_("enabled"), default=True)
    sealed_url = models.TextField(_("address, encrypted"), blank=True, editable=False)
    sealed_secret = models.TextField(_("secret, encrypted"), blank=True, editable=False)
    recipients = models.TextField(_("recipients"), blank=True, help_text=_("E-mail addresses, separated by commas"))

    failures = models.PositiveIntegerField(_("failures in a row"), default=0, editable=False)
    last_error = models.TextField(_("last error"), blank=True, editable=False)
    retry_at = models.DateTimeField(_("next attempt"), null=True, editable=False)
    last_sent_at = models.DateTimeField(_("last sent"), null=True, editable=False)
    # The lease: which process sends there, and until when. One at a time, so that messages keep their order.
    lease_token = models.UUIDField(null=True, editable=False)
    lease_until = models.DateTimeField(null=True, editable=False)

    class Meta:
        verbose_name = _("alert channel")
        verbose_name_plural = _("alert channels")
        permissions = [("test_channel", _("Can send a test message to a channel"))]

    def __str__(self) -> str:
        return self.name

    @property
    def channel_kind(self) -> ChannelKind:
        return KINDS[self.kind]

    @property
    def url(self) -> str:
        """Raises: sealing.UnreadableError."""
        return sealing.unseal(self.sealed_url)

    @url.setter
    def url(self, value: str) -> None:
        self.sealed_url = sealing.seal(value)

    @property
    def secret(self) -> str:
        """Raises: sealing.UnreadableError."""
        return sealing.unseal(self.sealed_secret)

    @secret.setter
    def secret(self, value: str) -> None:
        self.sealed_secret = sealing.seal(value)

    @property
    def recipient_list(self) -> list[str]:
        return [address for address in _SEPARATORS.split(self.recipients) if address]

    @property
    def address(self) -> Address:
        """Raises: sealing.UnreadableError."""
        return Address(url=self.url, secret=self.secret, recipients=self.recipient_list)

    @property
    def masked_url(self) -> str:
        """The host and the end of the token, enough for a person to recognise it."""
        try:
            parts = urlsplit(self.url)
        except sealing.UnreadableError:
            return str(_("unreadable: the encryption key is missing"))
        last = "".join((parts.path, parts.query))[-4:] if len(parts.path + parts.query) > 16 else ""
        return f"{parts.scheme}://{parts.hostname}/…{last}" if parts.hostname else ""

    def clean(self) -> None:
        if self.kind in KINDS and self.channel_kind.is_email and not self.recipient_list:
            raise ValidationError({"recipients": _("E-mail needs a recipient.")})
        for address in self.recipient_list:
            try:
                validate_email(address)
            except ValidationError as err:
                raise ValidationError({"recipients": f"{address}: {err.messages[0]}"}) from err

    def scrubbed(self, text: str) -> str:
        """An answer without this channel's secrets: some servers quote the request."""
        for secret in sorted(self._secrets(), key=len, reverse=True):
            text = text.replace(secret, "…")
        return text

    def _secrets(self) -> set[str]:
        try:
            url, secret = self.url, self.secret
        except sealing.UnreadableError:
            return set()
        parts = urlsplit(url)
        pieces = {url, secret, *parts.path.split("/"), *(value for _name, value in parse_qsl(parts.query))}
        return {piece for piece in pieces if len(piece) >= _SECRET_CHARS}

    def note_sent(self, now: dt.datetime) -> None:
        self.failures, self.last_error, self.retry_at, self.last_sent_at = 0, "", None, now

    def note_failure(self, error: str, *, retry_after_s: float | None, now: dt.datetime) -> None:
        pause = min(RETRY_AFTER * 2 ** min(self.failures, 10), RETRY_AFTER_MAX)
        if retry_after_s is not None:
            pause = max(pause, min(dt.timedelta(seconds=retry_after_s), RETRY_AFTER_MAX))
        self.failures += 1
        self.last_error, self.retry_at = error, now + pause

    def try_at_once(self) -> None:
        """Skip the rest of the pause, because someone has changed the channel."""
        self.retry_at = None


class RuleQuerySet(models.QuerySet["Rule"]):
    def introduce(self) -> None:
        """Create the rules of watches that have none yet."""
        known = set(self.values_list("watch", flat=True))
        new = [watch for kind, watch in alerts.watches().items() if kind not in known]
        if new:
            self.bulk_create([Rule(watch=each.kind, threshold=each.threshold) for each in new], ignore_conflicts=True)


class Rule(models.Model):
    """Who is told about a watch, from which threshold on, and when not. Every watch gets a rule automatically."""

    watch = models.CharField(_("watched"), max_length=32, unique=True, editable=False)
    is_enabled = models.BooleanField(_("enabled"), default=True)
    threshold = models.PositiveIntegerField(_("threshold"), default=1, validators=[MinValueValidator(1)])
    channels = models.ManyToManyField(
        Channel, verbose_name=_("channels"), blank=True, related_name="rules",
        help_text=_("Who is told. If none is chosen: every channel."),
    )  # fmt: skip
    reminder_hours = models.PositiveSmallIntegerField(
        _("reminder after hours"), default=4, validators=[MaxValueValidator(24 * 7)], help_text=_("0: no reminders")
    )
    over_after_minutes = models.PositiveSmallIntegerField(
        _("over after minutes"), default=2, validators=[MaxValueValidator(24 * 60)],
        help_text=_(
            "How long a problem has to be gone before the all-clear. "
            "One that comes and goes within this time is a single alert."
        ),
    )  # fmt: skip
    quiet_from = models.TimeField(_("quiet from"), null=True, blank=True)
    quiet_until = models.TimeField(
        _("quiet until"), null=True, blank=True,
        help_text=_("Nothing is sent in these hours; what is still wrong when they end is reported then."),
    )  # fmt: skip

    objects = RuleQuerySet.as_manager()

    class Meta:
        verbose_name = _("alert rule")
        verbose_name_plural = _("alert rules")

    def __str__(self) -> str:
        watch = self.registered
        return str(watch.title) if watch else self.watch

    @property
    def registered(self) -> Watch | None:
        """None: this kind is no longer watched."""
        return alerts.watches().get(self.watch)

    def clean(self) -> None:
        if (self.quiet_from is None) != (self.quiet_until is None):
            raise ValidationError({"quiet_until": _("Quiet hours have a beginning and an end.")})

    def is_quiet(self, now: dt.datetime) -> bool:
        """In `TIME_ZONE`. Hours that end before they begin span midnight; equal times mean no quiet hours."""
        if self.quiet_from is None or self.quiet_until is None:
            return False
        at = timezone.localtime(now).time()
        if self.quiet_from <= self.quiet_until:
            return self.quiet_from <= at < self.quiet_until
        return at >= self.quiet_from or at < self.quiet_until

    def told_channels(self) -> list[Channel]:
        chosen = self.channels.all()
        everybody = chosen if chosen else Channel.objects.all()
        return [channel for channel in everybody if channel.is_enabled]


class IncidentQuerySet(models.QuerySet["Incident"]):
    def open(self) -> "IncidentQuerySet":
        return self.filter(ended_at=None)


class Incident(models.Model):
    """One cause, from the check that saw it first to its all-clear.

    `told_at` None: nobody has been told yet, because of quiet hours. `is_over_told`: nothing more will be sent.
    """

    rule = models.ForeignKey(Rule, verbose_name=_("rule"), on_delete=models.CASCADE, related_name="incidents")
    key = models.CharField(_("cause"), max_length=255)
    words = models.JSONField(default=dict)
    number = models.BigIntegerField(_("number"), default=0)
    path = models.CharField(max_length=500, blank=True)
    began_at = models.DateTimeField(_("began"))
    seen_at = models.DateTimeField(_("last seen"))
    ended_at = models.DateTimeField(_("over since"), null=True)
    told_at = models.DateTimeField(null=True)
    remind_at = models.DateTimeField(null=True)
    reminders = models.PositiveIntegerField(default=0)
    is_over_told = models.BooleanField(default=False)

    objects = IncidentQuerySet.as_manager()

    class Meta:
        verbose_name = _("incident")
        verbose_name_plural = _("incidents")
        constraints = [
            # Two processes that see a new cause at once would tell people twice.
            models.UniqueConstraint(fields=["rule", "key"], condition=Q(ended_at=None), name="incident_open_once"),
        ]
        indexes = [
            # The rows that a check is compared with every half minute; nearly all others are over and told.
            models.Index(fields=["rule"], condition=Q(is_over_told=False), name="incident_unfinished"),
            # The admin's list, newest first, and the purge.
            models.Index(fields=["-began_at"], name="incident_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.rule} · {self.key}"


class NoticeQuerySet(models.QuerySet["Notice"]):
    def waiting(self) -> "NoticeQuerySet":
        """Waiting or being sent, including those that a process was sending when it died."""
        return self.filter(state__in=[Notice.State.WAITING, Notice.State.SENDING])

    def drop_unsent(self, incidents: Collection[int]) -> None:
        """Drop unsent notices about incidents that are over, except those that are being sent right now."""
        unsent = self.filter(incident__in=incidents, state=Notice.State.WAITING).exclude(event=Notice.Event.OVER)
        locked = list(unsent.select_for_update(skip_locked=True, of=("self",)).values_list("pk", flat=True))
        self.filter(pk__in=locked).update(state=Notice.State.DROPPED)

    def may_have_arrived(self) -> "NoticeQuerySet":
        """Sent, being sent, or tried without a conclusive answer."""
        untried = Q(state__in=[Notice.State.WAITING, Notice.State.DROPPED], attempts=0)
        return self.exclude(untried | Q(state=Notice.State.FAILED))


class Notice(models.Model):
    """One message about one incident to one channel: the queue while it waits, the log afterwards."""

    class Event(models.TextChoices):
        BEGAN = "began", _("began")
        REMINDER = "reminder", _("reminder")
        OVER = "over", _("all-clear")

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting")
        SENDING = "sending", _("being sent")
        SENT = "sent", _("sent")
        FAILED = "failed", _("given up")
        DROPPED = "dropped", _("over before it was sent")

    incident = models.ForeignKey(Incident, verbose_name=_("cause"), on_delete=models.CASCADE, related_name="notices")
    channel = models.ForeignKey(Channel, verbose_name=_("channel"), on_delete=models.CASCADE, related_name="notices")
    event = models.CharField(_("event"), max_length=8, choices=Event)
    number = models.PositiveIntegerField(default=0)
    state = models.CharField(_("state"), max_length=8, choices=State, default=State.WAITING)
    created_at = models.DateTimeField(_("created"))
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    sent_at = models.DateTimeField(_("sent"), null=True)
    text = models.TextField(_("text"), blank=True)
    answer = models.TextField(_("answer"), blank=True)

    objects = NoticeQuerySet.as_manager()

    class Meta:
        verbose_name = _("alert message")
        verbose_name_plural = _("alert messages")
        constraints = [
            # Otherwise a second round that finds the same cause would tell a channel the same thing again.
            models.UniqueConstraint(fields=["incident", "channel", "event", "number"], name="notice_once"),
        ]
        indexes = [
            # A channel's queue, in order: nearly all rows are finished.
            models.Index(fields=["channel", "id"], condition=Q(state__in=["waiting", "sending"]), name="notice_queue"),
            # The admin's list, newest first.
            models.Index(fields=["-created_at"], name="notice_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.incident} → {self.channel}"
