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
        from attribution import checks  # noqa: F401, PLC0415  # registers them; needs loaded apps
        from attribution.admin.pages import live  # noqa: PLC0415  # needs loaded apps

        _register_sweeps()
        _register_purges()
        _register_watches()
        _register_hooks()
        lifespan.register(on_drain=live.drain, on_shutdown=live.shut_down)


# Each imports what needs the loaded apps.


def _register_sweeps() -> None:
    from attribution.delivery import rounds  # noqa: PLC0415
    from attribution.records import actions, batches  # noqa: PLC0415
    from attribution.statistics import summing  # noqa: PLC0415
    from attribution.users import aliasing, erasing  # noqa: PLC0415

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


def _register_purges() -> None:
    from attribution import purging  # noqa: PLC0415
    from attribution.costs import uploading  # noqa: PLC0415

    upkeep.purge.register("clicks", purging.delete_clicks)
    upkeep.purge.register("keys of clicks", purging.delete_click_keys)
    upkeep.purge.register("conversions whose device ids were erased", purging.erase_device_ids)
    upkeep.purge.register("attempts", purging.delete_attempts)
    upkeep.purge.register("conversions", purging.delete_conversions)
    upkeep.purge.register("unconfirmed uploads of costs", uploading.forget_unconfirmed)
    upkeep.purge.register("imports of costs", purging.delete_cost_imports)


def _register_watches() -> None:
    from attribution.costs import status as costs_status  # noqa: PLC0415
    from attribution.costs import watches as costs_watches  # noqa: PLC0415
    from attribution.delivery import status as delivery_status  # noqa: PLC0415
    from attribution.delivery import watches  # noqa: PLC0415

    status.register("conversions", delivery_status.look)
    status.register("cost_imports", costs_status.look)
    for watch in [*watches.WATCHES, *costs_watches.WATCHES]:
        alerts.watch(watch)


def _register_hooks() -> None:
    from attribution.events import intake  # noqa: PLC0415
    from attribution.models import App  # noqa: PLC0415
    from attribution.users import erasing, moving  # noqa: PLC0415

    users.register(rename=moving.move, erase=erasing.erase_records)
    activity.listen(intake.receive_activity)
    apps.register(
        apps.Directory(
            id_of=App.objects.id_of,
            slugs=App.objects.slugs,
            make_with="manage.py add_app {slug} --android PACKAGE",
        )
    )
