"""The conversions' part: events and clicks in, conversions out, beside the Celery pattern that people write."""
