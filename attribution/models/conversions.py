"""Conversions: one event of one user on its way to the ad platform, and every request made for it."""

import json
import os
import uuid
from datetime import datetime, timedelta

from django.conf import settings
from django.db import models
from django.db.models import Case, F, Q, Value, When
from django.db.models.functions import Greatest
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from attribution.devices.device_ids import DecryptionError, decrypt, encrypt, mask
from attribution.models.apps import App
from attribution.models.attributions import Attribution, EarlierAttribution
from attribution.models.users import User
from attribution.models.words import Os, State, event_label


def new_id() -> uuid.UUID:
    """A UUID of version 7: it begins with the time, so new rows go to the right end of the index."""
    milliseconds = int(timezone.now().timestamp() * 1000)
    random_bits = int.from_bytes(os.urandom(10), "big")
    bits = milliseconds << 80 | random_bits
    bits = bits & ~(0xF << 76) | 7 << 76
    bits = bits & ~(0x3 << 62) | 2 << 62
    return uuid.UUID(int=bits)


# An organic user whose last answer is older than this is asked about as often as a new one; before that, once.
ASKED_AFRESH_AFTER = timedelta(days=1)
# Ended without being reported. Not what may have arrived and would count twice, nor what a person gave up.
REVIVABLE = Q(state__in=[State.REJECTED, State.FAILED, State.ORGANIC], due_at=None, lease_token=None) & ~Q(
    state=State.FAILED, reason__in=["outcome_unknown", "by_hand"]
)
# Waits for its next try, unless it waits for a destination.
WAITING = Q(state__in=[State.PENDING, State.ORGANIC], due_at__isnull=False, lease_token=None)


class Conversions(models.QuerySet["Conversion"]):
    def revive(self, now: datetime) -> int:
        """Try these again, with a fresh budget: those that ended without being reported, and at once those that wait.

        What the platform refused is written again, with the ad of the moment; anything else keeps its body, which may
        have arrived. An organic user stays organic until an answer says otherwise.
        """
        is_over = Q(state__in=[State.REJECTED, State.FAILED])
        is_old = Q(due_at=None, finished_at__lt=now - ASKED_AFRESH_AFTER)
        in_addition = Greatest(F("lookups") - 1, 0)  # to the look-ups of the schedule
        return self.filter(REVIVABLE | WAITING & Q(due_at__gt=now)).update(
            state=Case(When(is_over, then=Value(State.PENDING)), default=F("state")),
            reason=Case(When(is_over, then=Value("")), default=F("reason")),
            detail=Case(When(is_over, then=Value("")), default=F("detail"), output_field=models.TextField()),
            body=Case(When(state=State.REJECTED, then=Value("")), default=F("body"), output_field=models.TextField()),
            finished_at=Case(When(is_over, then=None), default=F("finished_at")),
            lookups=Case(When(is_old, then=Value(0)), default=in_addition, output_field=models.IntegerField()),
            tries=0,
            refusals=0,
            due_at=now,
            give_up_at=now + timedelta(seconds=settings.CONVERSION_GIVE_UP_AFTER_S),
        )


class Conversion(models.Model):
    """One event of one user on its way to an ad platform. The row is the queue.

    `due_at` alone decides whether a worker takes it: a time is a place in the queue, NULL means at rest. A worker that
    takes the row moves `due_at` to the end of its lease and writes its `lease_token`. If the worker dies, the row
    becomes due again by itself, and anything the old worker still writes does not match the new token.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    app = models.ForeignKey(App, verbose_name=_("app"), on_delete=models.PROTECT, related_name="+", db_index=False)
    dedup_key = models.UUIDField(editable=False)
    user_id = models.CharField(_("user"), max_length=128)
    # One of our words, which statistics count, or any other word that a platform knows.
    event = models.CharField(_("event"), max_length=32)
    # The app's name for it, if that is another one.
    app_event = models.CharField(_("the app's event"), max_length=32, blank=True, default="", db_default="")
    properties = models.JSONField(_("properties"), null=True, blank=True)
    os = models.CharField(_("system"), max_length=8, choices=Os)
    channel = models.CharField(_("channel"), max_length=64, blank=True)
    amount_fen = models.BigIntegerField(_("amount (fen)"), null=True)
    outer_event_id = models.CharField(_("outer event id"), max_length=128, blank=True)
    rule = models.CharField(_("derived by"), max_length=128, blank=True)
    # Joint debugging: asked about and reported by itself each time, and in no statistic.
    is_test = models.BooleanField(_("test"), default=False, db_default=False)
    occurred_at = models.DateTimeField(_("occurred at"))
    received_at = models.DateTimeField(_("received at"))
    device = models.TextField(_("device ids, encrypted"), blank=True)
    device_digest = models.BinaryField(max_length=32, null=True)

    state = models.CharField(_("state"), max_length=10, choices=State, default=State.PENDING)
    reason = models.CharField(_("reason"), max_length=64, blank=True)
    detail = models.TextField(_("detail"), blank=True)
    warning = models.CharField(_("warning"), max_length=255, blank=True)
    due_at = models.DateTimeField(_("next attempt"), null=True)
    give_up_at = models.DateTimeField(_("given up after"))
    lease_token = models.UUIDField(null=True, editable=False)
    lookups = models.PositiveSmallIntegerField(_("look-ups"), default=0)
    tries = models.PositiveSmallIntegerField(_("tries"), default=0)
    # How often the platform answered with a code other than success.
    refusals = models.PositiveSmallIntegerField(_("refusals"), default=0, db_default=0)
    attribution = models.ForeignKey(
        Attribution,
        verbose_name=_("attribution"),
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
        db_index=False,
    )
    # Set when the user got another ad: this record belongs to the one before. A constraint would lock the table.
    earlier_attribution = models.ForeignKey(
        EarlierAttribution,
        verbose_name=_("earlier attribution"),
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    # The destination of the last call, or the one waited for: empty before the first call, and without an advertiser
    # before the report.
    platform = models.CharField(_("platform"), max_length=32, blank=True)
    advertiser_id = models.BigIntegerField(_("advertiser"), null=True)
    body = models.TextField(_("body that is sent, encrypted"), blank=True)
    finished_at = models.DateTimeField(_("finished at"), null=True)
    # Who requested the next try; moved to its attempt when it is sent.
    resend_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    resend_reason = models.CharField(max_length=255, blank=True)

    objects = Conversions.as_manager()

    class Meta:
        verbose_name = _("send record")
        verbose_name_plural = _("send records")
        permissions = [
            ("resend_conversion", _("Can resend, hold and release send records")),
            ("export_conversion", _("Can export send records, clicks and attributions")),
            ("unmask_device", _("Can see whole device ids")),
        ]
        constraints = [
            # If an app reports an event again (a retry, two servers), it would be billed twice.
            models.UniqueConstraint(fields=["dedup_key"], name="conversion_once"),
            models.CheckConstraint(condition=Q(state__in=State.values), name="conversion_state_known"),
            # A pending row outside the queue would wait for ever.
            models.CheckConstraint(
                condition=~Q(state="pending") | Q(due_at__isnull=False), name="conversion_pending_due"
            ),
            # A payment without an amount would be refused by the platform long after the app was told 202.
            models.CheckConstraint(
                condition=~Q(event="active_pay") | Q(amount_fen__isnull=False), name="conversion_payment_amount"
            ),
        ]
        indexes = [
            # The queue: due rows, oldest first (delivery's claim).
            models.Index(fields=["due_at"], condition=Q(due_at__isnull=False), name="conversion_queue"),
            # Events of one user: waking them once attributed, and derived events.
            models.Index(fields=["app", "user_id"], name="conversion_by_user"),
            # The admin's pages and counts per state, newest first.
            models.Index(fields=["state", "-received_at"], name="conversion_by_state"),
            models.Index(fields=["-received_at"], name="conversion_by_time"),
            # The admin's list of one reason, newest first: most reasons have few rows, or none.
            models.Index(fields=["reason", "-received_at"], condition=~Q(reason=""), name="conversion_by_reason"),
            # One day of events (statistics), and the admin's list of chosen days, newest first: so the time leads, and
            # the app is read from the index itself. Not a BRIN: rows move within the table when they are updated.
            models.Index(fields=["occurred_at", "app"], name="conversion_by_day"),
            # The admin's list of one advertiser, newest first.
            models.Index(
                fields=["advertiser_id", "-received_at"],
                condition=Q(advertiser_id__isnull=False),
                name="conversion_by_advertiser",
            ),
            # Releasing conversions that are held for one advertiser.
            models.Index(fields=["advertiser_id"], condition=Q(state="held"), name="conversion_held"),
            # The page of joint debugging: there are few tests.
            models.Index(fields=["-received_at"], condition=Q(is_test=True), name="conversion_test"),
        ]

    def __str__(self) -> str:
        return f"{event_label(self.event)} · {self.user_id}"

    @cached_property
    def device_ids(self) -> dict[str, str]:
        """The raw ids as the app gave them. Raises: `DecryptionError`."""
        ids: dict[str, str] = json.loads(decrypt(self.device)) if self.device else {}
        return ids

    @property
    def asked_as(self) -> User:
        """The user whose ad is asked about. Each test is a user of its own: nothing known before serves it."""
        return self.app_id, f"test:{self.pk}" if self.is_test else self.user_id

    @property
    def has_readable_ids(self) -> bool:
        try:
            return bool(self.device_ids)
        except DecryptionError:
            return False

    @property
    def masked_device_ids(self) -> dict[str, str]:
        """The ids masked, for people. Raises: `DecryptionError`."""
        return {name: mask(value) for name, value in self.device_ids.items()}

    @cached_property
    def plain_body(self) -> str:
        """The report in the platform's format, identical on every try. Raises: `DecryptionError`."""
        return decrypt(self.body)

    def write_body(self, body: str) -> None:
        """Fix the body for the first and all later tries: a platform recognises repeats by the identical body."""
        self.body = encrypt(body)
        self.plain_body = body

    def new_attempt(self, kind: str, *, request: str, now: datetime) -> "Attempt":
        """The attempt that is about to be made; the person who requested a resend moves from the row to it."""
        attempt = Attempt(
            conversion=self,
            kind=kind,
            request=request,
            started_at=now,
            resent_by_id=self.resend_by_id,
            resend_reason=self.resend_reason,
        )
        self.resend_by_id, self.resend_reason = None, ""
        return attempt

    def mark_reported(self, *, warning: str, now: datetime) -> None:
        self._rest(State.REPORTED, "", "", now)
        self.warning = warning[:255]

    def mark_rejected(self, reason: str, detail: str, *, now: datetime) -> None:
        self._rest(State.REJECTED, reason, detail, now)

    def mark_failed(self, reason: str, detail: str, *, now: datetime) -> None:
        self._rest(State.FAILED, reason, detail, now)

    def mark_skipped(self, reason: str, detail: str, *, now: datetime) -> None:
        self._rest(State.SKIPPED, reason, detail, now)

    def mark_organic(self, reason: str, *, due_at: datetime | None, now: datetime) -> None:
        """No ad is known: ask again at `due_at`; None: final."""
        self._rest(State.ORGANIC, reason, "", now)
        self.due_at = due_at

    def mark_rested(self) -> None:
        """Done with what a reported event was due for: to ask about its user."""
        self.due_at = None

    def mark_held(self, reason: str, detail: str = "", *, due_at: datetime | None = None) -> None:
        """Wait for a person, or until `due_at`."""
        self.state, self.reason, self.detail, self.due_at = State.HELD, reason, detail, due_at

    def put_off(self, detail: str, *, due_at: datetime) -> None:
        """Try again later. An organic user stays organic until an answer says otherwise."""
        if self.state != State.ORGANIC:
            self.state, self.reason = State.PENDING, ""
        self.detail, self.due_at = detail, due_at

    def _rest(self, state: State, reason: str, detail: str, now: datetime) -> None:
        self.state, self.reason, self.detail = state, reason, detail
        self.due_at, self.finished_at = None, now


class Attempt(models.Model):
    """One request for a conversion, stored before it is sent.

    An attempt that stays `unknown` was sent (or was about to be) and nobody saw the answer: a timeout, a reset, or a
    worker that died.
    """

    class Kind(models.TextChoices):
        LOOKUP = "lookup", _("attribution query")
        REPORT = "report", _("report")

    class Outcome(models.TextChoices):
        UNKNOWN = "unknown", _("unknown")
        ACCEPTED = "accepted", _("accepted")
        WARNING = "warning", _("accepted with a warning")
        ATTRIBUTED = "attributed", _("attributed")
        NOT_ATTRIBUTED = "not_attributed", _("not attributed")
        REJECTED = "rejected", _("rejected")
        UNAVAILABLE = "unavailable", _("unavailable")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    conversion = models.ForeignKey(Conversion, on_delete=models.CASCADE, related_name="attempts")
    kind = models.CharField(_("kind"), max_length=8, choices=Kind)
    outcome = models.CharField(_("outcome"), max_length=16, choices=Outcome, default=Outcome.UNKNOWN)
    started_at = models.DateTimeField(_("started at"))
    duration_ms = models.PositiveIntegerField(_("duration (ms)"), null=True)
    http_status = models.PositiveSmallIntegerField(_("HTTP status"), null=True)
    code = models.IntegerField(_("code"), null=True)
    message = models.TextField(_("message"), blank=True)
    request = models.TextField(_("request, masked"), blank=True)
    response = models.TextField(_("response, masked"), blank=True)
    resent_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("resent by"), null=True, on_delete=models.SET_NULL, related_name="+"
    )
    resend_reason = models.CharField(_("resend reason"), max_length=255, blank=True)

    class Meta:
        verbose_name = _("attempt")
        verbose_name_plural = _("attempts")
        indexes = [
            # The purge of rows past their retention.
            models.Index(fields=["started_at"], name="attempt_by_time")
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.get_outcome_display()}"
