"""How long a provider may take: columns of providers, models and routes, and what holds for one attempt.

A route's value comes before its model's, which comes before its provider's; where none is given, the setting holds.
"""

from dataclasses import dataclass
from typing import Any, Self

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

NAMES = ("connect_timeout_s", "first_content_timeout_s", "idle_timeout_s", "total_timeout_s")

_MIN_S = 0.001
_MAX_S = 366 * 24 * 3600.0  # as in settings: anything longer is a mistake


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """All in seconds; None: nobody has set it, and the setting holds."""

    own_connect_s: float | None = None
    own_first_content_s: float | None = None
    own_idle_s: float | None = None
    own_total_s: float | None = None

    @classmethod
    def of(cls, *rows: "TimeoutFields") -> Self:
        """The first row that sets a timeout decides it."""
        connect_s, first_content_s, idle_s, total_s = (_first(rows, name) for name in NAMES)
        return cls(own_connect_s=connect_s, own_first_content_s=first_content_s, own_idle_s=idle_s, own_total_s=total_s)

    @property
    def connect_s(self) -> float:
        """For the connection, with its TLS handshake and any proxy in between."""
        return settings.CHAT_CONNECT_TIMEOUT_S if self.own_connect_s is None else self.own_connect_s

    @property
    def first_content_s(self) -> float:
        """From the request to the first content."""
        return settings.CHAT_FIRST_CONTENT_TIMEOUT_S if self.own_first_content_s is None else self.own_first_content_s

    @property
    def is_first_content_strict(self) -> bool:
        """Whether signs of life don't extend the wait for the first content, because somebody set a time for it."""
        return self.own_first_content_s is not None

    @property
    def idle_s(self) -> float:
        """Between two reads of an answer."""
        return settings.CHAT_IDLE_TIMEOUT_S if self.own_idle_s is None else self.own_idle_s

    @property
    def total_s(self) -> float:
        """For the whole turn."""
        return settings.CHAT_TOTAL_TIMEOUT_S if self.own_total_s is None else self.own_total_s


AS_SET = Timeouts()  # nothing but the settings


def validate_seconds(value: float) -> None:
    # Written this way round because "nan" is neither less nor greater than anything.
    if not _MIN_S <= value <= _MAX_S:
        raise ValidationError(_("A number of seconds from 0.001 to 31622400."))


_OPTIONS: dict[str, Any] = {
    "validators": [validate_seconds],
    "help_text": _("In seconds. Empty: the model's, else the provider's, else the setting."),
}


class TimeoutFields(models.Model):
    """For rows that can set timeouts of their own."""

    connect_timeout_s = models.FloatField(_("timeout: connection"), null=True, blank=True, **_OPTIONS)
    first_content_timeout_s = models.FloatField(_("timeout: first content"), null=True, blank=True, **_OPTIONS)
    idle_timeout_s = models.FloatField(_("timeout: between chunks"), null=True, blank=True, **_OPTIONS)
    total_timeout_s = models.FloatField(_("timeout: whole answer"), null=True, blank=True, **_OPTIONS)

    class Meta:
        abstract = True


def _first(rows: tuple[TimeoutFields, ...], name: str) -> float | None:
    return next((value for row in rows if (value := getattr(row, name)) is not None), None)
