"""Chat usage and cost: completions summed per hour, so that no page ever sums the table itself.

1. The code that writes an ended completion adds a `UsageNote` for its hour in the same transaction.
2. The sweep deletes the notes and sums their hours again from the rows, in one transaction. A note written meanwhile is
   not seen, stays, and leads to the next sum. If the process is killed, the notes are still there.

Measurements: docs/streaming.md.
"""

import datetime as dt

from django.db import connection, transaction

# Our id among PostgreSQL's advisory locks. Without it, two processes could sum an hour at once and the older sum win.
_LOCK = 7_310_001

_TAKE_NOTES = "DELETE FROM streaming_usagenote RETURNING hour"
_FORGET = "DELETE FROM streaming_usagehour WHERE hour = %s"
_SUM = """
INSERT INTO streaming_usagehour (
    hour, chat_model, provider, completions, completed,
    prompt_tokens, cached_tokens, completion_tokens, reasoning_tokens, cost_cny, unpriced
)
SELECT %(hour)s, chat_model, provider, count(*), count(*) FILTER (WHERE state = 'completed'),
    coalesce(sum(prompt_tokens), 0), coalesce(sum(cached_tokens), 0),
    coalesce(sum(completion_tokens), 0), coalesce(sum(reasoning_tokens), 0),
    coalesce(sum(cost_cny), 0), count(*) FILTER (WHERE cost_cny IS NULL AND completion_tokens > 0)
FROM streaming_completion
WHERE started_at >= %(hour)s AND started_at < %(end)s AND state <> 'streaming'
GROUP BY chat_model, provider
"""


def sum_noted_hours(now: dt.datetime) -> int:
    """Bring `UsageHour` up to date; returns the number of hours summed."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        cursor.execute(_TAKE_NOTES)
        hours = sorted({hour for (hour,) in cursor.fetchall()})
        for hour in hours:
            cursor.execute(_FORGET, [hour])
            cursor.execute(_SUM, {"hour": hour, "end": hour + dt.timedelta(hours=1)})
    return len(hours)
