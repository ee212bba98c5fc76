"""Makes the commands and tasks of the ground floor known to Django and Celery."""

from django.apps import AppConfig


class FoundationConfig(AppConfig):
    name = "foundation"
