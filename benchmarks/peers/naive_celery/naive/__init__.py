"""A Django project of its own: one row an event, one Celery task a row."""
