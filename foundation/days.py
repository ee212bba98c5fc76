"""Calendar days of `TIME_ZONE`, as people and statistics mean them."""

from datetime import date, datetime, time

from django.utils import timezone


def midnight(day: date) -> datetime:
    """The moment at which the day begins, whatever the clocks do in between."""
    return datetime.combine(day, time.min, tzinfo=timezone.get_default_timezone())
