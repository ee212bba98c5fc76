"""The conversion benchmarks: events and clicks in, conversions out, compared with the usual Celery pattern."""
