"""Connects streaming to the web process's life and to the upkeep."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from config import lifespan, loop_redis, sweeping


class StreamingConfig(AppConfig):
    name = "streaming"
    verbose_name = _("Chat streaming")

    def ready(self) -> None:
        from streaming import following, models, resumable, turn, usage, watch  # noqa: PLC0415  # they need the loaded apps

        lifespan.register(on_drain=watch.watch.drain, on_shutdown=turn.shut_down)
        lifespan.register(on_drain=following.drain, on_shutdown=resumable.shut_down)
        lifespan.register(on_drain=lambda: None, on_shutdown=loop_redis.shut_down)  # last: the others still ask it
        sweeping.sweep.register("interrupted completions", models.Completion.objects.mark_interrupted)
        sweeping.sweep.register("hours of chat usage summed again", usage.sum_noted_hours)
