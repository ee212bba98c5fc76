"""The project's frame: settings, routes, servers, who may call. Nothing in here knows the two jobs."""

from config.celery import app as celery_app

__all__ = ["celery_app"]
