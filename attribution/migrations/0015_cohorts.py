"""What became of each day's activated users, summed once instead of by every page."""

import django.db.models.deletion
from django.db import migrations, models

KEY = ["day", "app", "is_organic", "advertiser_id", "campaign_id", "ad_id", "channel"]

# What there is already; from here on it is kept by attribution/statistics/user_sums.py.
FILL = """
INSERT INTO attribution_cohortday (
    day, app_id, is_organic, advertiser_id, campaign_id, ad_id, channel,
    amount_day_0_fen, amount_day_1_fen, amount_day_7_fen, next_day_opens
)
SELECT activation_day, app_id, is_organic, advertiser_id, campaign_id, ad_id, activation_channel,
COALESCE(sum(amount_fen) FILTER (WHERE day - activation_day <= 0), 0),
COALESCE(sum(amount_fen) FILTER (WHERE day - activation_day <= 1), 0),
COALESCE(sum(amount_fen) FILTER (WHERE day - activation_day <= 7), 0),
sum(next_day_opens)
FROM attribution_userday
WHERE activation_day IS NOT NULL AND (day - activation_day <= 7 OR next_day_opens > 0)
GROUP BY activation_day, app_id, is_organic, advertiser_id, campaign_id, ad_id, activation_channel;
"""


class Migration(migrations.Migration):
    dependencies = [("attribution", "0014_attributions_by_ad")]

    operations = [
        migrations.CreateModel(
            name="CohortDay",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("day", models.DateField(verbose_name="day")),
                ("is_organic", models.BooleanField(verbose_name="organic")),
                ("advertiser_id", models.BigIntegerField(verbose_name="advertiser")),
                ("campaign_id", models.BigIntegerField(verbose_name="campaign or project")),
                ("ad_id", models.BigIntegerField(verbose_name="ad or promotion")),
                ("channel", models.CharField(max_length=64, verbose_name="channel")),
                ("amount_day_0_fen", models.BigIntegerField()),
                ("amount_day_1_fen", models.BigIntegerField()),
                ("amount_day_7_fen", models.BigIntegerField()),
                ("next_day_opens", models.PositiveIntegerField(verbose_name="next-day opens")),
                (
                    "app",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="attribution.app",
                    ),
                ),
            ],
            options={"constraints": [models.UniqueConstraint(fields=KEY, name="cohort_day_once")]},
        ),
        migrations.RunSQL(
            # As of the other sums (0009): without it PostgreSQL expects far more ads than there are.
            "CREATE STATISTICS cohort_day_ads (ndistinct) ON is_organic, advertiser_id, campaign_id, ad_id "
            "FROM attribution_cohortday",
            "DROP STATISTICS cohort_day_ads",
        ),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
    ]
