"""Connects streaming to the web process's life."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from config import lifespan


class StreamingConfig(AppConfig):
    name = "streaming"
    verbose_name = _("Chat streaming")

    def ready(self) -> None:
        from streaming import turn, watch  # noqa: PLC0415  # they need the loaded models

        lifespan.register(on_drain=watch.watch.drain, on_shutdown=turn.shut_down)
