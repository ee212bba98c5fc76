"""Connects streaming to the web process's lifespan and to the upkeep."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from foundation.hooks import upkeep
from foundation.hooks import users as users_hook
from foundation.serving import lifespan


class StreamingConfig(AppConfig):
    name = "streaming"
    verbose_name = _("Chat streaming")

    def ready(self) -> None:
        from streaming import models, users  # noqa: PLC0415  # they need the loaded apps
        from streaming.resuming import event_log, readers, stops  # noqa: PLC0415  # they need the loaded apps
        from streaming.turns import attempt, recorder, watchdog  # noqa: PLC0415  # they need the loaded apps
        from streaming.usage import hours  # noqa: PLC0415  # they need the loaded apps

        lifespan.register(on_drain=watchdog.watchdog.drain)
        lifespan.register(on_drain=readers.drain)
        # These shut down in reverse order.
        lifespan.register(on_shutdown=event_log.shut_down)
        lifespan.register(on_shutdown=stops.shut_down)
        lifespan.register(on_shutdown=attempt.shut_down)
        lifespan.register(on_shutdown=recorder.shut_down)
        upkeep.sweep.register("interrupted completions", models.Completion.objects.mark_interrupted)
        upkeep.sweep.register("hours of chat usage summed again", hours.sum_noted_hours)
        users_hook.register(rename=users.rename, erase=users.erase)
