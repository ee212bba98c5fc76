"""The roof: settings, paths, navigation. The only place that names both jobs; nobody imports it."""

from config.celery import app as celery_app

__all__ = ["celery_app"]
