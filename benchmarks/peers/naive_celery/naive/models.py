# mypy: ignore-errors
# Another Django project: mypy's plugin knows one at a time.
"""The row."""

from django.db import models


class Conversion(models.Model):
    user_id = models.CharField(max_length=128)
    event = models.CharField(max_length=32)
    android_id = models.CharField(max_length=128)
    outer_event_id = models.CharField(max_length=128, unique=True)
    occurred_at = models.DateTimeField(auto_now_add=True)
    callback = models.TextField(blank=True)
    status = models.CharField(max_length=16, default="pending", db_index=True)
    response = models.TextField(blank=True)

    def __str__(self):
        return self.outer_event_id
