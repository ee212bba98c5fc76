"""A separate Django project: one row per event, one Celery task per row."""
