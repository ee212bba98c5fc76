"""Connects attribution to the hooks: upkeep, alerts, and activity in other apps."""

from datetime import datetime

from django.apps import AppConfig
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from foundation.hooks import activity, alerts, apps, status, upkeep, users
from foundation.serving import lifespan

SWEEP_BUDGET_S = 20


class AttributionConfig(AppConfig):
    name = "attribution"
    verbose_name = _("Attribution")

    def ready(self) -> None:
        from attribution import checks, purging  # noqa: F401, PLC0415  # need loaded apps
        from attribution.admin.pages import live  # noqa: PLC0415  # needs loaded apps
        from attribution.costs import status as costs_status  # noqa: PLC0415  # need loaded apps
        from attribution.costs import uploading  # noqa: PLC0415  # need loaded apps
        from attribution.costs import watches as costs_watches  # noqa: PLC0415  # need loaded apps
        from attribution.delivery import rounds, watches  # noqa: PLC0415  # need loaded apps
        from attribution.delivery import status as delivery_status  # noqa: PLC0415  # need loaded apps
        from attribution.events import intake  # noqa: PLC0415  # need loaded apps
        from attribution.models import App  # noqa: PLC0415  # need loaded apps
        from attribution.records import actions, batches  # noqa: PLC0415  # need loaded apps
        from attribution.statistics import summing  # noqa: PLC0415  # need loaded apps
        from attribution.users import aliasing, erasing, moving  # noqa: PLC0415  # need loaded apps

        def deliver(now: datetime) -> int:
            return rounds.deliver_due(budget_s=SWEEP_BUDGET_S, clock=timezone.now).rows

        def act(now: datetime) -> int:
            return batches.resume_all(budget_s=SWEEP_BUDGET_S, now=now).actions

        upkeep.sweep.register("unfinished bulk actions", act)
        upkeep.sweep.register("released conversions", actions.release_switched_on)
        upkeep.sweep.register("users whose late events moved", aliasing.move_late)
        upkeep.sweep.register("users erased", erasing.go_on)
        upkeep.sweep.register("due conversions", deliver)
        upkeep.sweep.register("days summed again", summing.catch_up)
        upkeep.purge.register("clicks", purging.delete_clicks)
        upkeep.purge.register("keys of clicks", purging.delete_click_keys)
        upkeep.purge.register("conversions whose device ids were erased", purging.erase_device_ids)
        upkeep.purge.register("attempts", purging.delete_attempts)
        upkeep.purge.register("conversions", purging.delete_conversions)
        upkeep.purge.register("unconfirmed uploads of costs", uploading.forget_unconfirmed)
        upkeep.purge.register("imports of costs", purging.delete_cost_imports)
        status.register("conversions", delivery_status.look)
        status.register("cost_imports", costs_status.look)
        for watch in [*watches.WATCHES, *costs_watches.WATCHES]:
            alerts.watch(watch)
        users.register(rename=moving.move, erase=erasing.erase_records)
        activity.listen(intake.receive_activity)
        apps.register(
            apps.Directory(
                id_of=App.objects.id_of,
                slugs=App.objects.slugs,
                make_with="manage.py add_app {slug} --android PACKAGE",
            )
        )
        lifespan.register(on_drain=live.drain, on_shutdown=live.shut_down)
