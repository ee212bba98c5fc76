"""How many paid on each day, by the day on which they had paid before: different users of any span are a sum of it."""

import django.db.models.deletion
from django.db import migrations, models

KEY = ["day", "app", "is_organic", "advertiser_id", "campaign_id", "ad_id", "paid_before"]

# What there is already; from here on it is kept by attribution/statistics/user_sums.py. The first day that a date can be: never.
FILL = """
INSERT INTO attribution_payerday (
    day, app_id, is_organic, advertiser_id, campaign_id, ad_id, paid_before, users
)
SELECT day, app_id, is_organic, advertiser_id, campaign_id, ad_id, paid_before, count(*)
FROM (
    SELECT day, app_id, is_organic, advertiser_id, campaign_id, ad_id,
    lag(day, 1, date '0001-01-01') OVER (PARTITION BY app_id, user_key ORDER BY day) AS paid_before
    FROM attribution_userday WHERE payments > 0
) AS payers
GROUP BY day, app_id, is_organic, advertiser_id, campaign_id, ad_id, paid_before;
"""


class Migration(migrations.Migration):
    dependencies = [("attribution", "0015_cohorts")]

    operations = [
        migrations.AddIndex(
            model_name="userday",
            index=models.Index(
                condition=models.Q(("payments__gt", 0)),
                fields=["app", "user_key", "day"],
                name="user_day_payments_of_user",
            ),
        ),
        migrations.CreateModel(
            name="PayerDay",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("day", models.DateField(verbose_name="day")),
                ("is_organic", models.BooleanField(verbose_name="organic")),
                ("advertiser_id", models.BigIntegerField(verbose_name="advertiser")),
                ("campaign_id", models.BigIntegerField(verbose_name="campaign or project")),
                ("ad_id", models.BigIntegerField(verbose_name="ad or promotion")),
                ("paid_before", models.DateField()),
                ("users", models.PositiveIntegerField(verbose_name="paying users")),
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
            options={"constraints": [models.UniqueConstraint(fields=KEY, name="payer_day_once")]},
        ),
        migrations.RunSQL(
            # As of the other sums (0009): without it PostgreSQL expects far more ads than there are.
            "CREATE STATISTICS payer_day_ads (ndistinct) ON is_organic, advertiser_id, campaign_id, ad_id "
            "FROM attribution_payerday",
            "DROP STATISTICS payer_day_ads",
        ),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
    ]
