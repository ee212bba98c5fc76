"""Apps, clicks, attributions, conversions and their attempts: facts and transitions of single rows.

Verbs over several rows live in `intake`, `delivery` and `attributions`.
"""

import json
import os
import secrets
import uuid
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import BrinIndex, GinIndex
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.db.models.functions import Coalesce, NullIf
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from attribution.bulk_actions import BulkAction  # noqa: F401  # Django looks for models here
from attribution.device_ids import decrypt, encrypt, mask
from attribution.ocean_engine import DEVICE_ID_FIELDS, conversion_body
from attribution.roll_ups import (  # noqa: F401  # Django looks for models here
    AdName,
    Change,
    ClickDay,
    CohortDay,
    EventDay,
    PayerDay,
    StateDay,
    UserDay,
)


def new_monitor_token() -> str:
    return secrets.token_urlsafe(24)


def new_id() -> uuid.UUID:
    """A UUID of version 7: it begins with the time, so new rows go to the index's right end."""
    milliseconds = int(timezone.now().timestamp() * 1000)
    random_bits = int.from_bytes(os.urandom(10), "big")
    bits = milliseconds << 80 | random_bits
    bits = bits & ~(0xF << 76) | 7 << 76
    bits = bits & ~(0x3 << 62) | 2 << 62
    return uuid.UUID(int=bits)


class Os(models.TextChoices):
    ANDROID = "android", _("Android")
    IOS = "ios", _("iOS")


class Event(models.TextChoices):
    """What a user did; the words of our API."""

    ACTIVE = "active", _("activation")
    REGISTER = "active_register", _("registration")
    PAY = "active_pay", _("payment")
    NEXT_DAY = "next_day_open", _("next-day open")
    KEY_BEHAVIOUR = "game_addiction", _("key behaviour")


# What a key behaviour may count besides events.
CHAT = "chat"
MAX_KEY_BEHAVIOUR_HOURS = 24 * 366


class State(models.TextChoices):
    PENDING = "pending", _("pending")
    REPORTED = "reported", _("reported")
    ORGANIC = "organic", _("organic")
    REJECTED = "rejected", _("rejected")
    FAILED = "failed", _("failed")
    HELD = "held", _("held")
    SKIPPED = "skipped", _("skipped")


class AppManager(models.Manager["App"]):
    def id_of(self, slug: str) -> int | None:
        return self.filter(slug=slug).values_list("pk", flat=True).first()


class App(models.Model):
    """An app whose users' events are attributed and reported."""

    slug = models.SlugField(_("short name"), unique=True)
    android_package = models.CharField(_("Android package"), max_length=200, blank=True)
    ios_bundle = models.CharField(_("iOS bundle id"), max_length=200, blank=True)
    monitor_token = models.CharField(_("monitor link token"), max_length=64, unique=True, default=new_monitor_token)
    is_reporting = models.BooleanField(
        _("report conversions"), default=True, help_text=_("Off: conversions are kept as held until it is on again.")
    )
    click_window_days = models.PositiveSmallIntegerField(
        _("click window (days)"), default=7, help_text=_("A click of ours counts this long before the activation.")
    )
    event_window_days = models.PositiveSmallIntegerField(
        _("event window (days)"), default=90, help_text=_("Events later than this after the activation are skipped.")
    )
    matches_by_network = models.BooleanField(
        _("match by IP and user agent"), default=False, help_text=_("Probabilistic; only clicks of the last 24 hours.")
    )
    derives_next_day_open = models.BooleanField(
        _("derive next-day open"),
        default=False,
        help_text=_("The first event on the calendar day after the activation makes it."),
    )
    key_behaviour_event = models.CharField(
        _("key behaviour: event"),
        max_length=40,
        blank=True,
        choices=[*Event.choices, (CHAT, _("completed chat"))],
        help_text=_("What is counted; empty: key behaviour is not derived."),
    )
    key_behaviour_count = models.PositiveIntegerField(_("key behaviour: count"), default=1)
    key_behaviour_hours = models.PositiveIntegerField(_("key behaviour: hours after activation"), default=24)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    objects = AppManager()

    class Meta:
        verbose_name = _("app")
        verbose_name_plural = _("apps")

    def __str__(self) -> str:
        return self.slug

    def clean(self) -> None:
        """A count of zero would be reached by nothing at all, and hours without end lie beyond Python's dates."""
        wrong: dict[str, Any] = {}
        if self.key_behaviour_count < 1:
            wrong["key_behaviour_count"] = _("At least 1.")
        if not 1 <= self.key_behaviour_hours <= MAX_KEY_BEHAVIOUR_HOURS:
            wrong["key_behaviour_hours"] = _("1 to %(most)d.") % {"most": MAX_KEY_BEHAVIOUR_HOURS}
        if wrong:
            raise ValidationError(wrong)

    @property
    def has_rules(self) -> bool:
        """Whether some of its events are derived."""
        return self.derives_next_day_open or bool(self.key_behaviour_event)

    def package_for(self, *, os: str, channel: str) -> str:
        """The package that the platform knows this user's app by; empty: not configured."""
        if os == Os.IOS:
            return self.ios_bundle
        by_channel = {each.channel.lower(): each.package for each in self.channel_packages.all()}
        return by_channel.get(channel.lower(), self.android_package)


class ChannelPackage(models.Model):
    """The package under which one store distributes the Android app, where it differs from the app's own."""

    app = models.ForeignKey(App, on_delete=models.CASCADE, related_name="channel_packages")
    channel = models.CharField(_("channel"), max_length=64)
    package = models.CharField(_("package"), max_length=200)

    class Meta:
        verbose_name = _("channel package")
        verbose_name_plural = _("channel packages")
        constraints = [
            # Two packages of one channel: which one is asked about would be chance.
            models.UniqueConstraint(fields=["app", "channel"], name="channel_package_once")
        ]

    def __str__(self) -> str:
        return f"{self.channel}: {self.package}"


class AdIds(models.Model):
    """Which ad: the upgraded structure (project, promotion) and the old one (campaign, aid, cid), side by side."""

    advertiser_id = models.BigIntegerField(_("advertiser"), null=True, blank=True)
    project_id = models.BigIntegerField(_("project"), null=True, blank=True)
    project_name = models.CharField(_("project name"), max_length=255, blank=True)
    promotion_id = models.BigIntegerField(_("promotion"), null=True, blank=True)
    promotion_name = models.CharField(_("promotion name"), max_length=255, blank=True)
    campaign_id = models.BigIntegerField(_("campaign"), null=True, blank=True)
    campaign_name = models.CharField(_("campaign name"), max_length=255, blank=True)
    aid = models.BigIntegerField(_("ad"), null=True, blank=True)
    aid_name = models.CharField(_("ad name"), max_length=255, blank=True)
    cid = models.BigIntegerField(_("creative"), null=True, blank=True)
    cid_name = models.CharField(_("creative name"), max_length=255, blank=True)

    class Meta:
        abstract = True


# The project and the promotion, or the old campaign and ad where there is none: as the statistics count.
CAMPAIGN_ID = Coalesce(NullIf("project_id", 0), "campaign_id")
AD_ID = Coalesce(NullIf("promotion_id", 0), "aid")
AD_FIELDS = [field.name for field in AdIds._meta.fields]


class Click(AdIds):
    """An ad's click, as the monitor link reported it.

    Device ids are kept as keyed digests of their **md5** form, since a link may give them raw or hashed; what came in
    stands encrypted in `raw`.
    """

    id = models.BigAutoField(primary_key=True)
    app = models.ForeignKey(App, verbose_name=_("app"), on_delete=models.CASCADE, related_name="clicks", db_index=False)
    request_id = models.CharField(_("request id"), max_length=128, blank=True)
    track_id = models.CharField(_("track id"), max_length=128, blank=True)
    clicked_at = models.DateTimeField(_("clicked at"))
    received_at = models.DateTimeField(_("received at"))
    os = models.CharField(_("system"), max_length=16, blank=True)
    device_model = models.CharField(_("device model"), max_length=128, blank=True)
    oaid_digest = models.BinaryField(max_length=32, null=True)
    android_id_digest = models.BinaryField(max_length=32, null=True)
    imei_digest = models.BinaryField(max_length=32, null=True)
    idfa_digest = models.BinaryField(max_length=32, null=True)
    caid_digests = ArrayField(models.BinaryField(max_length=32), default=list)
    ip_ua_digest = models.BinaryField(max_length=32, null=True)
    ipv6_ua_digest = models.BinaryField(max_length=32, null=True)
    callback_param = models.TextField(_("callback parameter"), blank=True)
    callback_url = models.TextField(_("callback URL"), blank=True)
    material = models.JSONField(_("placement and material"), default=dict, blank=True)
    oddities = ArrayField(models.CharField(max_length=64), default=list, blank=True)
    raw = models.TextField(_("query as received, encrypted"), blank=True)

    class Meta:
        verbose_name = _("click")
        verbose_name_plural = _("clicks")
        constraints = [
            # Ocean Engine repeats a call that was answered late: one click would be counted twice.
            models.UniqueConstraint(
                fields=["app", "request_id"], condition=~Q(request_id=""), name="click_request_once"
            )
        ]
        indexes = [
            # The candidates of a device, newest first: by each kind of id (clicks.find).
            models.Index(
                fields=["app", "oaid_digest", "-clicked_at"],
                condition=Q(oaid_digest__isnull=False),
                name="click_by_oaid",
            ),
            models.Index(
                fields=["app", "android_id_digest", "-clicked_at"],
                condition=Q(android_id_digest__isnull=False),
                name="click_by_android_id",
            ),
            models.Index(
                fields=["app", "imei_digest", "-clicked_at"],
                condition=Q(imei_digest__isnull=False),
                name="click_by_imei",
            ),
            models.Index(
                fields=["app", "idfa_digest", "-clicked_at"],
                condition=Q(idfa_digest__isnull=False),
                name="click_by_idfa",
            ),
            models.Index(
                fields=["app", "ip_ua_digest", "-clicked_at"],
                condition=Q(ip_ua_digest__isnull=False),
                name="click_by_ip_ua",
            ),
            models.Index(
                fields=["app", "ipv6_ua_digest", "-clicked_at"],
                condition=Q(ipv6_ua_digest__isnull=False),
                name="click_by_ipv6_ua",
            ),
            # No list of pending entries: each look-up would read all of it.
            GinIndex(fields=["caid_digests"], condition=~Q(caid_digests=[]), fastupdate=False, name="click_by_caid"),
            # The admin's newest page, and the purge of what is past its retention.
            models.Index(fields=["received_at"], name="click_by_time"),
            # One day of clicks (stats). Times rise along the table's pages, so a thousandth of a btree's size will do;
            # "multi": a few late clicks in a page don't make it match every day in between.
            BrinIndex(
                fields=["clicked_at"],
                opclasses=["timestamptz_minmax_multi_ops"],
                autosummarize=True,
                name="click_by_day",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.pk} · {self.clicked_at:%Y-%m-%d %H:%M:%S}"


class Attribution(AdIds):
    """Which ad a user came from: one row per user, also of those who came from none (so far)."""

    class Source(models.TextChoices):
        PLATFORM = "platform", _("Ocean Engine")
        CLICK = "click", _("our click")

    app = models.ForeignKey(
        App, verbose_name=_("app"), on_delete=models.CASCADE, related_name="attributions", db_index=False
    )
    user_id = models.CharField(_("user"), max_length=128)
    is_attributed = models.BooleanField(_("attributed"), default=False)
    source = models.CharField(_("source"), max_length=16, blank=True, choices=Source)
    reason = models.CharField(_("reason"), max_length=64, blank=True)
    detail = models.TextField(_("detail"), blank=True)
    callback_param = models.TextField(_("callback parameter"), blank=True)
    click = models.ForeignKey(Click, verbose_name=_("click"), null=True, on_delete=models.SET_NULL, related_name="+")
    touched_at = models.DateTimeField(_("last touch"), null=True)
    activated_at = models.DateTimeField(_("activation"))
    click_to_install_s = models.IntegerField(_("click to install (s)"), null=True)
    is_suspicious = models.BooleanField(_("suspicious"), default=False)
    asked_at = models.DateTimeField(_("last asked"))
    attributed_at = models.DateTimeField(_("attributed at"), null=True)

    class Meta:
        verbose_name = _("attribution")
        verbose_name_plural = _("attributions")
        constraints = [
            # Two look-ups at once would leave a user with two ads. Also serves the look-up by user.
            models.UniqueConstraint(fields=["app", "user_id"], name="attribution_once_per_user"),
            # A row that claims an ad without a callback could never be reported.
            models.CheckConstraint(
                condition=Q(is_attributed=False) | ~Q(callback_param=""), name="attribution_has_callback"
            ),
        ]
        indexes = [
            # The admin's newest page, and the days that are chosen there.
            models.Index(fields=["asked_at"], name="attribution_by_time"),
            # The admin's list of one advertiser, newest first.
            models.Index(
                fields=["advertiser_id", "-asked_at"],
                condition=Q(advertiser_id__isnull=False),
                name="attribution_by_advertiser",
            ),
            # The users of one ad, newest first: the admin's filters by ad (filtering).
            models.Index(AD_ID, models.F("asked_at").desc(), name="attribution_by_ad"),
            # Likewise of one campaign or project.
            models.Index(CAMPAIGN_ID, models.F("asked_at").desc(), name="attribution_by_campaign"),
            # The admin's list of one source, newest first: where one answers nearly all, the other's rows are few.
            models.Index(fields=["source", "-asked_at"], condition=~Q(source=""), name="attribution_by_source"),
            # The admin's list of suspicious ones, newest first: few, or none at all.
            models.Index(fields=["-asked_at"], condition=Q(is_suspicious=True), name="attribution_suspicious"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} · {self.advertiser_id or _('organic')}"


class Destination(models.Model):
    """A party that we call and that can fail by itself: an advertiser's reports, or the attribution query.

    The circuit breaker's state stands here, in PostgreSQL: all workers share it, it outlives Redis, and a batch reads
    all that it needs in one query.
    """

    # The keys are advertisers' ids, but for these two.
    ATTRIBUTION_QUERY = "attribution"
    UNKNOWN_ADVERTISER = 0

    key = models.CharField(_("destination"), max_length=64, unique=True)
    name = models.CharField(_("name"), max_length=128, blank=True)
    is_enabled = models.BooleanField(_("enabled"), default=True)
    failures = models.PositiveIntegerField(_("failures in a row"), default=0)
    openings = models.PositiveIntegerField(_("openings in a row"), default=0)
    open_until = models.DateTimeField(_("breaker open until"), null=True, blank=True)
    last_error = models.TextField(_("last error"), blank=True)

    class Meta:
        verbose_name = _("destination")
        verbose_name_plural = _("destinations")

    def __str__(self) -> str:
        return self.name or self.key

    def is_open(self, now: datetime) -> bool:
        return self.open_until is not None and self.open_until > now

    @property
    def is_suspect(self) -> bool:
        """It failed often enough to open its breaker, and did not answer since."""
        return self.failures >= settings.BREAKER_FAILURES

    def count_failures(self, failures: int, *, error: str, now: datetime) -> None:
        """Open the breaker when there were too many; what fails while it is open was sent before."""
        self.failures += failures
        self.last_error = error
        if self.is_suspect and not self.is_open(now):
            open_s = min(settings.BREAKER_OPEN_S * 2**self.openings, settings.BREAKER_OPEN_MAX_S)
            self.open_until = now + timedelta(seconds=open_s)
            self.openings += 1

    def pause(self, *, until: datetime, error: str) -> None:
        self.open_until = max(until, self.open_until or until)
        self.last_error = error

    def close(self) -> None:
        self.failures = self.openings = 0
        self.open_until = None


class Conversion(models.Model):
    """One event of one user on its way to Ocean Engine. The row is the queue.

    `due_at` alone decides whether a worker takes it: a time is a place in the queue, NULL is rest. A worker that takes
    the row moves `due_at` to the end of its lease and writes its `lease_token`; if it dies, the row is due again by
    itself, and whatever the dead worker still writes misses the new token.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    app = models.ForeignKey(App, verbose_name=_("app"), on_delete=models.PROTECT, related_name="+", db_index=False)
    dedup_key = models.UUIDField(editable=False)
    user_id = models.CharField(_("user"), max_length=128)
    event = models.CharField(_("event"), max_length=32, choices=Event)
    os = models.CharField(_("system"), max_length=8, choices=Os)
    channel = models.CharField(_("channel"), max_length=64, blank=True)
    amount_fen = models.BigIntegerField(_("amount (fen)"), null=True)
    outer_event_id = models.CharField(_("outer event id"), max_length=128, blank=True)
    rule = models.CharField(_("derived by"), max_length=128, blank=True)
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
    attribution = models.ForeignKey(
        Attribution,
        verbose_name=_("attribution"),
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
        db_index=False,
    )
    advertiser_id = models.BigIntegerField(_("advertiser"), null=True)
    body = models.TextField(_("body that is sent, encrypted"), blank=True)
    finished_at = models.DateTimeField(_("finished at"), null=True)
    # Who asked for the next try, moved to its attempt when it leaves.
    resend_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    resend_reason = models.CharField(max_length=255, blank=True)

    class Meta:
        verbose_name = _("send record")
        verbose_name_plural = _("send records")
        permissions = [
            ("resend_conversion", _("Can resend, hold and release send records")),
            ("export_conversion", _("Can export send records, clicks and attributions")),
            ("unmask_device", _("Can see whole device ids")),
        ]
        constraints = [
            # An app that reports its event again (a retry, two servers) would be billed twice.
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
            # The admin's list of one reason, newest first: of most reasons there are few rows, or none.
            models.Index(fields=["reason", "-received_at"], condition=~Q(reason=""), name="conversion_by_reason"),
            # One day of events (stats), and the admin's list of chosen days, newest first: so the time leads, and the
            # app is found in the index itself. No BRIN here: rows move about the table when they are updated.
            models.Index(fields=["occurred_at", "app"], name="conversion_by_day"),
            # The admin's list of one advertiser, newest first.
            models.Index(
                fields=["advertiser_id", "-received_at"],
                condition=Q(advertiser_id__isnull=False),
                name="conversion_by_advertiser",
            ),
            # Release of what is held for one advertiser.
            models.Index(fields=["advertiser_id"], condition=Q(state="held"), name="conversion_held"),
        ]

    def __str__(self) -> str:
        return f"{self.get_event_display()} · {self.user_id}"

    @cached_property
    def device_ids(self) -> dict[str, str]:
        """The raw ids as the app gave them. Raises: `DecryptionError`."""
        ids: dict[str, str] = json.loads(decrypt(self.device)) if self.device else {}
        return ids

    @property
    def masked_device_ids(self) -> dict[str, str]:
        """For people. Raises: `DecryptionError`."""
        return {name: mask(value) for name, value in self.device_ids.items()}

    @property
    def platform_device_id(self) -> str:
        return self.device_ids.get(DEVICE_ID_FIELDS[self.os], "")

    @property
    def destination_key(self) -> str:
        return str(self.advertiser_id)

    def write_body(self, *, callback_param: str) -> None:
        """Fix what is sent, for the first try and all others: the platform tells repeats by the identical body."""
        body = conversion_body(
            event=self.event,
            os=self.os,
            device=self.device_ids,
            callback_param=callback_param,
            occurred_at=self.occurred_at,
            outer_event_id=self.outer_event_id,
            amount_fen=self.amount_fen,
        )
        self.body = encrypt(body.decode())
        self.plain_body = body

    @cached_property
    def plain_body(self) -> bytes:
        """What is sent. Raises: `DecryptionError`."""
        return decrypt(self.body).encode()

    def new_attempt(self, kind: str, *, request: str, now: datetime) -> "Attempt":
        """The attempt that is about to be made; it takes over who asked for a resend."""
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
        """No ad is known: asked again at `due_at`, or final."""
        self._rest(State.ORGANIC, reason, "", now)
        self.due_at = due_at

    def mark_held(self, reason: str, detail: str = "", *, due_at: datetime | None = None) -> None:
        """Wait for a person, or until `due_at`."""
        self.state, self.reason, self.detail, self.due_at = State.HELD, reason, detail, due_at

    def put_off(self, detail: str, *, due_at: datetime) -> None:
        """Try again later. An organic user stays one until an answer says something else."""
        if self.state != State.ORGANIC:
            self.state, self.reason = State.PENDING, ""
        self.detail, self.due_at = detail, due_at

    def _rest(self, state: State, reason: str, detail: str, now: datetime) -> None:
        self.state, self.reason, self.detail = state, reason, detail
        self.due_at, self.finished_at = None, now


class Attempt(models.Model):
    """One request for a conversion, written before it leaves.

    An attempt that stays `unknown` was sent (or was about to be) and nobody saw the answer: a timeout, a reset, a
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
            # The purge of what is past its retention.
            models.Index(fields=["started_at"], name="attempt_by_time")
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.get_outcome_display()}"
