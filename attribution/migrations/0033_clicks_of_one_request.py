"""Several clicks of one ad request are stored; and the admin's list of plays and impressions.

Indexes of a large table are built while clicks arrive.
"""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models

# The unique index that comes back allows one click of a request.
FORGET_REQUESTS = """
UPDATE attribution_click AS click SET request_id = '' WHERE request_id <> '' AND EXISTS (
    SELECT 1 FROM attribution_click AS older WHERE older.app_id = click.app_id
    AND older.request_id = click.request_id AND older.platform = click.platform AND older.id < click.id
)
"""


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("attribution", "0032_click_keys")]

    operations = [
        AddIndexConcurrently(
            "click",
            models.Index(
                condition=models.Q(("request_id", ""), _negated=True),
                fields=["app", "request_id"],
                name="click_by_request",
            ),
        ),
        AddIndexConcurrently(
            "click",
            models.Index(
                condition=models.Q(("match_type", "click"), _negated=True),
                fields=["-received_at"],
                name="click_views_by_time",
            ),
        ),
        migrations.RemoveConstraint("click", "click_request_once"),
        migrations.RunSQL(migrations.RunSQL.noop, FORGET_REQUESTS),
    ]
