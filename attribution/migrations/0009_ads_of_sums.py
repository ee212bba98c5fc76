"""How many ads there are among the sums.

The ids of an ad depend on each other, which PostgreSQL can't know: it expected 376,000 groups of 400 ads, and never took
a plan with parallel workers for them (reports.breakdown, reports.cohorts: half the time for 600,000 rows).
"""

from django.db import migrations

AD = "is_organic, advertiser_id, campaign_id, ad_id"
TABLES = {
    "attribution_userday": "user_day_ads",
    "attribution_eventday": "event_day_ads",
    "attribution_clickday": "click_day_ads",
}


class Migration(migrations.Migration):
    dependencies = [("attribution", "0008_indexes_of_lists")]

    operations = [
        migrations.RunSQL(f"CREATE STATISTICS {name} (ndistinct) ON {AD} FROM {table}", f"DROP STATISTICS {name}")
        for table, name in TABLES.items()
    ]
