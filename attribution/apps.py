"""Connects attribution to the upkeep and to what happens in other apps."""

from datetime import datetime

from django.apps import AppConfig
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from config import activity, sweeping

SWEEP_BUDGET_S = 20


class AttributionConfig(AppConfig):
    name = "attribution"
    verbose_name = _("Attribution")

    def ready(self) -> None:
        from attribution import checks, conversions, delivery, intake  # noqa: F401, PLC0415  # need the loaded apps

        def deliver(now: datetime) -> int:
            return delivery.deliver_due(budget_s=SWEEP_BUDGET_S, clock=timezone.now).rows

        sweeping.sweep.register("released conversions", conversions.release_switched_on)
        sweeping.sweep.register("due conversions", deliver)
        activity.listen(intake.receive_activity)
