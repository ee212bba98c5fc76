"""The platform in the key of the sums and of the ads' names: two platforms may have ads of one id.

Each table is rewritten in one pass: sums without an ad are of no platform, all others so far are Ocean Engine's.
"""

from django.db import migrations, models

AD = ["is_organic", "platform", "advertiser_id", "campaign_id", "ad_id"]
OLD_AD = [name for name in AD if name != "platform"]
# The model, its constraint and what its key has besides the ad; UserDay is told apart by its user.
TABLES = {
    "clickday": ("click_day_once", []),
    "eventday": ("event_day_once", ["channel"]),
    "cohortday": ("cohort_day_once", ["channel"]),
    "payerday": ("payer_day_once", ["paid_before"]),
}
# 0009, 0015 and 0016 say what for.
STATISTICS = {
    "clickday": "click_day_ads",
    "eventday": "event_day_ads",
    "userday": "user_day_ads",
    "cohortday": "cohort_day_ads",
    "payerday": "payer_day_ads",
}


def key(table, ad):
    name, more = TABLES[table]
    return models.UniqueConstraint(fields=["day", "app", *ad, *more], name=name)


def statistics(table, ad):
    return f"CREATE STATISTICS {STATISTICS[table]} (ndistinct) ON {', '.join(ad)} FROM attribution_{table};"


def paying(ad):
    return models.Index(
        condition=models.Q(("payments__gt", 0)),
        fields=["day", "app", "user_key"],
        include=[*ad, "channel"],
        name="user_day_paying",
    )


def add_platform(table):
    return [
        migrations.AddField(
            table, "platform", models.CharField(default="", max_length=32, verbose_name="platform"), preserve_default=False
        ),
        migrations.RunSQL(
            f"DROP STATISTICS {STATISTICS[table]};"
            f"ALTER TABLE attribution_{table} ALTER COLUMN platform TYPE varchar(32) "
            f"USING CASE WHEN is_organic THEN '' ELSE 'oceanengine' END;" + statistics(table, AD),
            f"DROP STATISTICS {STATISTICS[table]};" + statistics(table, OLD_AD),
        ),
    ]


class Migration(migrations.Migration):
    dependencies = [("attribution", "0024_clicks_once_per_platform")]

    operations = [
        *[
            operation
            for table, (name, _more) in TABLES.items()
            for operation in [
                migrations.RemoveConstraint(table, name),
                *add_platform(table),
                migrations.AddConstraint(table, key(table, AD)),
            ]
        ],
        migrations.RemoveIndex("userday", "user_day_paying"),
        *add_platform("userday"),
        migrations.AddIndex("userday", paying(AD)),
        migrations.RemoveConstraint("adname", "ad_name_once"),
        migrations.AddField(
            "adname", "platform", models.CharField(default="oceanengine", max_length=32), preserve_default=False
        ),
        migrations.AddConstraint(
            "adname", models.UniqueConstraint(fields=["platform", "level", "platform_id"], name="ad_name_once")
        ),
    ]
