"""Clicks are told apart by the platform's id of the click, in a table of its own; and one word for HarmonyOS.

Keys are made for the clicks of the last day: a platform repeats a call within minutes.
"""

from django.db import migrations, models

# As `storage._key` and `MonitoredClick.identity` make them.
KEYS = """
INSERT INTO attribution_clickkey (key, received_at)
SELECT md5(concat_ws(E'\\n', app_id, platform, 'click', identity))::uuid, received_at
FROM (
    SELECT app_id, platform, received_at, CASE WHEN track_id <> '' THEN track_id ELSE
        concat_ws(E'\\n', request_id, COALESCE(advertiser_id::text, ''), COALESCE(campaign_id::text, ''),
        COALESCE(ad_id::text, ''), COALESCE(creative_id::text, '')) END AS identity
    FROM attribution_click
    WHERE received_at > now() - interval '1 day' AND (track_id <> '' OR request_id <> '')
) AS click
ON CONFLICT DO NOTHING
"""


class Migration(migrations.Migration):
    dependencies = [("attribution", "0031_match_types")]

    operations = [
        migrations.CreateModel(
            "ClickKey",
            [
                ("key", models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ("received_at", models.DateTimeField()),
            ],
            options={"indexes": [models.Index(fields=["received_at"], name="click_key_by_time")]},
        ),
        migrations.RunSQL(KEYS, migrations.RunSQL.noop),
        migrations.RunSQL(
            "UPDATE attribution_click SET os = 'harmony' WHERE os = 'harmonyos'",
            "UPDATE attribution_click SET os = 'harmonyos' WHERE os = 'harmony'",
        ),
    ]
