"""Connects alerts to the upkeep, and to the web process's life."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from foundation.hooks import alerts, upkeep
from foundation.serving import lifespan


class AlertsConfig(AppConfig):
    name = "foundation.alerts"
    label = "alerts"
    verbose_name = _("Alerts")

    def ready(self) -> None:
        from foundation.alerts import purging, rounds, watches, watchman  # noqa: PLC0415  # they need the loaded apps

        for watch in watches.WATCHES:
            alerts.watch(watch)
        upkeep.sweep.register("alerts noticed", rounds.notice)
        upkeep.purge.register("alerts", purging.delete_incidents)
        lifespan.register(on_start=watchman.start, on_drain=watchman.stop, on_shutdown=watchman.wait)
