"""One form for the ads of all platforms: campaign, ad, creative. What Ocean Engine calls them goes to `platform_ad`.

The two tables are rewritten, each in one pass with its indexes. An UPDATE of as many rows would take several times as
long, leave the table twice as large, and have the triggers note every user's statistics as changed. Nothing can be read
or written there meanwhile; clicks that come in are answered 503, which Ocean Engine takes for "call again".
"""

from django.db import migrations, models

# Ocean Engine's names, upgraded structure and old one.
OWN_IDS = ["project_id", "promotion_id", "campaign_id", "aid", "cid"]
OWN_NAMES = ["project_name", "promotion_name", "campaign_name", "aid_name", "cid_name"]
RENAMED = {"aid": "ad_id", "aid_name": "ad_name", "cid": "creative_id", "cid_name": "creative_name"}
DROPPED = {"project_id": "bigint", "project_name": "varchar(255)", "promotion_id": "bigint", "promotion_name": "varchar(255)"}


def forwards(table, platform):
    """`platform`: of a row, by its columns."""
    own = [f"'{name}', NULLIF({RENAMED.get(name, name)}, 0)" for name in OWN_IDS]
    own += [f"'{name}', NULLIF({RENAMED.get(name, name)}, '')" for name in OWN_NAMES]
    renaming = "".join(f"ALTER TABLE {table} RENAME COLUMN {old} TO {new};" for old, new in RENAMED.items())
    return f"""
        {renaming}
        ALTER TABLE {table} ADD COLUMN platform_ad jsonb;
        ALTER TABLE {table}
        ALTER COLUMN platform_ad TYPE jsonb USING jsonb_strip_nulls(jsonb_build_object({", ".join(own)})),
        ALTER COLUMN platform_ad SET NOT NULL,
        ALTER COLUMN platform TYPE varchar(32) USING {platform},
        ALTER COLUMN advertiser_id TYPE bigint USING NULLIF(advertiser_id, 0),
        ALTER COLUMN campaign_id TYPE bigint USING COALESCE(NULLIF(project_id, 0), NULLIF(campaign_id, 0)),
        ALTER COLUMN campaign_name TYPE varchar(255) USING COALESCE(NULLIF(project_name, ''), campaign_name),
        ALTER COLUMN ad_id TYPE bigint USING COALESCE(NULLIF(promotion_id, 0), NULLIF(ad_id, 0)),
        ALTER COLUMN ad_name TYPE varchar(255) USING COALESCE(NULLIF(promotion_name, ''), ad_name),
        ALTER COLUMN creative_id TYPE bigint USING NULLIF(creative_id, 0);
        ALTER TABLE {table} {", ".join(f"DROP COLUMN {name}" for name in DROPPED)};
    """


def backwards(table):
    """Rows of other platforms keep their ids in the columns of the old structure."""

    def own(name, cast=""):
        kept = f"ELSE {RENAMED.get(name, name)}" if name not in DROPPED else ""
        return f"CASE WHEN platform = 'oceanengine' THEN (platform_ad->>'{name}'){cast} {kept} END"

    altered = [f"ALTER COLUMN {RENAMED.get(name, name)} TYPE bigint USING {own(name, '::bigint')}" for name in OWN_IDS]
    for name in OWN_NAMES:
        column = RENAMED.get(name, name)
        altered.append(f"ALTER COLUMN {column} TYPE varchar(255) USING COALESCE({own(name)}, '')")
        altered.append(f"ALTER COLUMN {column} SET NOT NULL")
    renaming = "".join(f"ALTER TABLE {table} RENAME COLUMN {new} TO {old};" for old, new in RENAMED.items())
    return f"""
        ALTER TABLE {table} {", ".join(f"ADD COLUMN {name} {kind}" for name, kind in DROPPED.items())};
        ALTER TABLE {table} {", ".join(altered)};
        ALTER TABLE {table} DROP COLUMN platform_ad;
        {renaming}
    """


# PostgreSQL changes no column that a trigger's condition names.
DROP_TRIGGER = "DROP TRIGGER note_user_of_another_ad ON attribution_attribution;"


def trigger(columns):
    old, new = (", ".join(f"{row}.{column}" for column in columns) for row in ("OLD", "NEW"))
    return f"""
        CREATE TRIGGER note_user_of_another_ad AFTER UPDATE ON attribution_attribution
        FOR EACH ROW WHEN (({old}) IS DISTINCT FROM ({new})) EXECUTE FUNCTION attribution_note_user();
    """


TRIGGER = trigger(["is_attributed", "platform", "advertiser_id", "campaign_id", "ad_id"])
OLD_TRIGGER = trigger(["is_attributed", "advertiser_id", "project_id", "promotion_id", "campaign_id", "aid"])

CLICK, ATTRIBUTION = "attribution_click", "attribution_attribution"
OF_ATTRIBUTION = "CASE WHEN is_attributed THEN platform ELSE '' END"


def state(model):
    ids = {"campaign_id": "campaign or project", "ad_id": "ad or promotion", "creative_id": "creative"}
    texts = {
        "campaign_name": "campaign or project name",
        "ad_name": "ad or promotion name",
        "creative_name": "creative name",
    }
    return [
        *[migrations.RenameField(model, old, new) for old, new in RENAMED.items()],
        *[migrations.RemoveField(model, name) for name in DROPPED],
        *[
            migrations.AlterField(model, name, models.BigIntegerField(blank=True, null=True, verbose_name=words))
            for name, words in ids.items()
        ],
        *[
            migrations.AlterField(model, name, models.CharField(blank=True, max_length=255, verbose_name=words))
            for name, words in texts.items()
        ],
        migrations.AddField(
            model,
            "platform_ad",
            models.JSONField(blank=True, default=dict, verbose_name="ad in the platform's words"),
        ),
    ]


def by_time(name, column):
    return migrations.AddIndex("attribution", models.Index(fields=[column, "-asked_at"], name=name))


class Migration(migrations.Migration):
    dependencies = [("attribution", "0022_platforms_of_rows")]

    operations = [
        migrations.RemoveIndex("attribution", "attribution_by_ad"),
        migrations.RemoveIndex("attribution", "attribution_by_campaign"),
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(DROP_TRIGGER, OLD_TRIGGER),
                migrations.RunSQL(forwards(CLICK, "platform"), backwards(CLICK)),
                migrations.RunSQL(forwards(ATTRIBUTION, OF_ATTRIBUTION), backwards(ATTRIBUTION)),
                migrations.RunSQL(TRIGGER, DROP_TRIGGER),
            ],
            state_operations=[*state("click"), *state("attribution")],
        ),
        by_time("attribution_by_ad", "ad_id"),
        by_time("attribution_by_campaign", "campaign_id"),
        migrations.AlterField(
            "attribution",
            "source",
            models.CharField(
                blank=True,
                choices=[("platform", "the platform"), ("click", "our click")],
                max_length=16,
                verbose_name="source",
            ),
        ),
    ]
