"""Registers the project's system checks."""

from django.apps import AppConfig


class ConfigConfig(AppConfig):
    name = "config"
    label = "config"
    verbose_name = "Rivermouth"

    def ready(self) -> None:
        from config import checks  # noqa: F401, PLC0415  # registers on import, which needs the loaded settings
