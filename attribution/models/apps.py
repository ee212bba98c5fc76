"""Apps, and the packages under which stores distribute them."""

import secrets
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.utils.translation import gettext_lazy as _

from attribution.devices.device_ids import DecryptionError, decrypt, encrypt, mask
from attribution.models.words import CHAT, MAX_KEY_BEHAVIOUR_HOURS, Event, Os
from foundation.access.models import ApiKey


def new_monitor_token() -> str:
    return secrets.token_urlsafe(24)


class AppManager(models.Manager["App"]):
    def id_of(self, slug: str) -> int | None:
        return self.filter(slug=slug).values_list("pk", flat=True).first()

    def slugs(self) -> list[str]:
        return list(self.order_by("slug").values_list("slug", flat=True))


class App(models.Model):
    """An app whose users' events are attributed and reported."""

    slug = models.SlugField(_("short name"), unique=True)
    android_package = models.CharField(_("Android package"), max_length=200, blank=True)
    ios_bundle = models.CharField(_("iOS bundle id"), max_length=200, blank=True)
    monitor_token = models.CharField(_("monitor link token"), max_length=64, unique=True, default=new_monitor_token)
    is_reporting = models.BooleanField(
        _("report conversions"),
        default=True,
        help_text=_("While this is off, conversions are held. They are reported when it is on again."),
    )
    click_window_days = models.PositiveSmallIntegerField(
        _("click window (days)"),
        default=7,
        help_text=_("A click on our monitor link counts if it came at most this long before the activation."),
    )
    play_window_hours = models.PositiveSmallIntegerField(
        _("effective play window (hours)"),
        default=24,
        db_default=24,
        help_text=_("An effective play counts if it came at most this long before the activation. 0: never."),
    )
    impression_window_hours = models.PositiveSmallIntegerField(
        _("impression window (hours)"),
        default=24,
        db_default=24,
        help_text=_("An impression counts if it came at most this long before the activation. 0: never."),
    )
    event_window_days = models.PositiveSmallIntegerField(
        _("event window (days)"),
        default=90,
        help_text=_("Events that happen later than this after the activation are skipped."),
    )
    matches_by_network = models.BooleanField(
        _("match by IP and user agent"),
        default=False,
        help_text=_("A guess: only clicks of the last 24 hours are compared."),
    )
    reattribution_days = models.PositiveSmallIntegerField(
        _("re-attribution after (days)"),
        default=0,
        db_default=0,
        blank=True,
        help_text=_("A user without events for so long, whom a newer click brings back, gets its ad. 0: never."),
    )
    activates_once_per_callback = models.BooleanField(
        _("one activation per callback"),
        default=True,
        db_default=True,
        help_text=_("A second user on the same phone has the same callback: that activation is skipped."),
    )
    derives_next_day_open = models.BooleanField(
        _("derive next-day open"),
        default=False,
        help_text=_("Made from the user's first event on the calendar day after the activation."),
    )
    key_behaviour_event = models.CharField(
        _("key behaviour: event"),
        max_length=40,
        blank=True,
        choices=[*Event.choices, (CHAT, _("completed chat"))],
        help_text=_("What is counted. Leave empty to derive no key behaviour."),
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

    @transaction.atomic
    def save(self, *args: Any, **kwargs: Any) -> None:
        """A new app begins with rules for our words. Keys name their app by its slug, so they follow its change."""
        is_new = self._state.adding
        known_as = None if is_new else App.objects.filter(pk=self.pk).values_list("slug", flat=True).first()
        super().save(*args, **kwargs)
        if is_new:
            self._add_default_rules()
        if known_as not in (None, self.slug):
            ApiKey.objects.note_renamed_app(old=str(known_as), new=self.slug)

    def _add_default_rules(self) -> None:
        rule = self.event_rules.model
        once = {word: rule.Once.ID if word == Event.PAY else rule.Once.USER for word in Event.values}
        self.event_rules.bulk_create(
            [rule(app=self, name=word, event=word, once_per=once_per) for word, once_per in once.items()]
        )

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Raises: ProtectedError if keys name the app: they would keep working, and their events would have no app."""
        keys: set[models.Model] = set(self.keys())
        if keys:
            raise models.ProtectedError(f"API keys use the app {self.slug!r}. Give them another app first.", keys)
        return super().delete(*args, **kwargs)

    def keys(self) -> "models.QuerySet[ApiKey]":
        """The API keys whose default app this is."""
        return ApiKey.objects.of_app(self.slug)

    def clean(self) -> None:
        """A count of zero would be reached without any event, and unlimited hours would exceed Python's dates."""
        self.reattribution_days = self.reattribution_days or 0
        wrong: dict[str, Any] = {}
        if self.key_behaviour_count < 1:
            wrong["key_behaviour_count"] = _("At least 1.")
        if not 1 <= self.key_behaviour_hours <= MAX_KEY_BEHAVIOUR_HOURS:
            wrong["key_behaviour_hours"] = _("1 to %(most)d.") % {"most": MAX_KEY_BEHAVIOUR_HOURS}
        if wrong:
            raise ValidationError(wrong)

    @property
    def has_rules(self) -> bool:
        """Whether some of the app's events are derived."""
        return self.derives_next_day_open or bool(self.key_behaviour_event)

    def package_for(self, *, os: str, channel: str) -> str:
        """The package by which the platform knows this user's app; empty: not configured. No platform that can be asked
        knows HarmonyOS yet.
        """
        if os == Os.IOS:
            return self.ios_bundle
        by_channel = {each.channel.lower(): each.package for each in self.channel_packages.all()}
        return by_channel.get(channel.lower(), self.android_package)


class DebugDevice(models.Model):
    """A phone on the app's test list: its events are joint debugging (联调), whatever they say themselves."""

    app = models.ForeignKey(App, verbose_name=_("app"), on_delete=models.CASCADE, related_name="debug_devices")
    name = models.CharField(_("name"), max_length=64, blank=True)
    # Any of its ids, encrypted.
    device = models.TextField(editable=False)

    class Meta:
        verbose_name = _("test device")
        verbose_name_plural = _("test devices")

    def __str__(self) -> str:
        return self.name or self.masked_id

    def write_id(self, device_id: str) -> None:
        self.device = encrypt(device_id.strip())

    @property
    def raw_id(self) -> str:
        """Empty if it can't be read any more."""
        try:
            return decrypt(self.device) if self.device else ""
        except DecryptionError:
            return ""

    @property
    def masked_id(self) -> str:
        return mask(self.raw_id)


class ChannelPackage(models.Model):
    """The package under which one store distributes the Android app, if it differs from the app's own."""

    app = models.ForeignKey(App, on_delete=models.CASCADE, related_name="channel_packages")
    channel = models.CharField(_("channel"), max_length=64)
    package = models.CharField(_("package"), max_length=200)

    class Meta:
        verbose_name = _("channel package")
        verbose_name_plural = _("channel packages")
        constraints = [
            # With two packages for one channel it would be chance which one is used for queries.
            models.UniqueConstraint(fields=["app", "channel"], name="channel_package_once")
        ]

    def __str__(self) -> str:
        return f"{self.channel}: {self.package}"
