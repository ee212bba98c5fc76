"""The roof: settings, paths, navigation. The only package that names both jobs; no other package imports it."""

from config.celery import app as celery_app

__all__ = ["celery_app"]
