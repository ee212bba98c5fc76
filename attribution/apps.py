"""Connects attribution to the upkeep and to what happens in other apps."""

from datetime import datetime

from django.apps import AppConfig
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from config import activity, lifespan, sweeping

SWEEP_BUDGET_S = 20


class AttributionConfig(AppConfig):
    name = "attribution"
    verbose_name = _("Attribution")

    def ready(self) -> None:
        from attribution import acting, checks, conversions, delivery, intake, purging, stats  # noqa: F401, PLC0415  # need loaded apps
        from attribution.pages import live  # noqa: PLC0415  # as above

        def deliver(now: datetime) -> int:
            return delivery.deliver_due(budget_s=SWEEP_BUDGET_S, clock=timezone.now).rows

        def act(now: datetime) -> int:
            return acting.go_on_with_all(budget_s=SWEEP_BUDGET_S, now=now).actions

        sweeping.sweep.register("unfinished bulk actions", act)
        sweeping.sweep.register("released conversions", conversions.release_switched_on)
        sweeping.sweep.register("due conversions", deliver)
        sweeping.sweep.register("days summed again", stats.catch_up)
        sweeping.purge.register("clicks", purging.delete_clicks)
        sweeping.purge.register("conversions whose device ids were erased", purging.erase_device_ids)
        sweeping.purge.register("attempts", purging.delete_attempts)
        sweeping.purge.register("conversions", purging.delete_conversions)
        activity.listen(intake.receive_activity)
        lifespan.register(on_drain=live.drain, on_shutdown=live.shut_down)
