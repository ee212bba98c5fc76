"""Connects the ground floor to the web process's life, and makes its commands and tasks known to Django and Celery."""

from django.apps import AppConfig

from foundation.serving import lifespan, loop_redis


class FoundationConfig(AppConfig):
    name = "foundation"

    def ready(self) -> None:
        lifespan.register(on_shutdown=loop_redis.shut_down)
