"""Which of a platform's events an app's own events are, and which of them are reported."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from attribution.models.apps import App
from attribution.models.words import Event, event_label

# Numbers alone are the platforms' own event numbers.
NAME = RegexValidator(r"\A(?!\d+\Z)[\w.:-]+\Z", _("Letters, digits and _ . : - only, and not digits alone."))

_REMEMBERED = "_event_rules_by_name"


class EventRule(models.Model):
    """What an event of this name means to a platform; `platform` is empty for all platforms without their own rule.

    `event` is one of the platform's words. A name without a rule means the word itself. Each app begins with rules for
    our five words (`App.save`), so that people see them and can change them.
    """

    class Count(models.TextChoices):
        EVERY = "every", _("every one")
        FIRST = "first", _("a user's first one")

    class Once(models.TextChoices):
        ID = "id", _("event id, or user where there is none")
        USER = "user", _("user")

    class Unit(models.TextChoices):
        FEN = "fen", _("fen")
        YUAN = "yuan", _("yuan")

    app = models.ForeignKey(App, verbose_name=_("app"), on_delete=models.CASCADE, related_name="event_rules")
    name = models.CharField(_("the app's event"), max_length=32, validators=[NAME])
    platform = models.CharField(_("platform"), max_length=32, blank=True)
    event = models.CharField(_("the platform's event"), max_length=32)
    count = models.CharField(_("reported"), max_length=8, choices=Count, default=Count.EVERY)
    within_days = models.PositiveSmallIntegerField(
        _("within days"), null=True, blank=True, help_text=_("After the activation; empty: any time.")
    )
    once_per = models.CharField(_("once per"), max_length=8, choices=Once, default=Once.ID)
    amount_property = models.CharField(
        _("amount: property"),
        max_length=64,
        blank=True,
        help_text=_("The property that holds the amount, for events that come without the field “amount”."),
    )
    amount_unit = models.CharField(_("amount: unit"), max_length=8, choices=Unit, default=Unit.FEN)
    is_enabled = models.BooleanField(_("report"), default=True)

    class Meta:
        verbose_name = _("event rule")
        verbose_name_plural = _("event rules")
        constraints = [
            # With two rules for one name it would be chance what is reported. Also finds the rules of an app.
            models.UniqueConstraint(fields=["app", "name", "platform"], name="event_rule_once")
        ]

    def __str__(self) -> str:
        return f"{event_label(self.name)} → {event_label(self.event)}"

    def clean(self) -> None:
        if self.event != Event.PAY:
            return
        wrong: dict[str, Any] = {}
        if self.name in Event.values and self.name != Event.PAY:
            wrong["event"] = _("Only payments have the amount and the order id that this event needs.")
        if self.once_per == self.Once.USER:
            wrong["once_per"] = _("Payments count once per order id.")
        if wrong:
            raise ValidationError(wrong)

    def is_over(self, *, activated_at: datetime, occurred_at: datetime) -> bool:
        """Whether the event came too late after the activation to be reported."""
        return self.within_days is not None and occurred_at > activated_at + timedelta(days=self.within_days)


def by_name(app: App) -> Mapping[tuple[str, str], EventRule]:
    """The rules of the app's events by name and platform, read once for each instance of the app."""
    rules: dict[tuple[str, str], EventRule] | None = app.__dict__.get(_REMEMBERED)
    if rules is None:
        rules = {(rule.name, rule.platform): rule for rule in app.event_rules.all()}
        app.__dict__[_REMEMBERED] = rules
    return rules
