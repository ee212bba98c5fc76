"""Triggers that note what the statistics have to sum again; attribution/statistics/summing.py says why and how."""

from django.db import migrations

# A quarter of an hour: all offsets from UTC are multiples of it, so it lies within one day of any time zone.
FUNCTIONS = """
CREATE FUNCTION attribution_quarter_hour(moment timestamptz) RETURNS timestamptz
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN date_bin('15 minutes', moment, timestamptz '2000-01-01 00:00:00+00');

CREATE FUNCTION attribution_note_clicks() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO attribution_change (app_id, happened_at, user_id)
    SELECT DISTINCT app_id, attribution_quarter_hour(clicked_at), '' FROM fresh;
    RETURN NULL;
END $$;

CREATE FUNCTION attribution_note_events() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO attribution_change (app_id, happened_at, user_id)
    SELECT DISTINCT app_id, attribution_quarter_hour(occurred_at), '' FROM fresh
    UNION ALL
    SELECT app_id, NULL, user_id FROM fresh WHERE event = 'active';
    RETURN NULL;
END $$;

CREATE FUNCTION attribution_note_state() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO attribution_change (app_id, happened_at, user_id)
    VALUES (NEW.app_id, attribution_quarter_hour(NEW.occurred_at), '');
    RETURN NULL;
END $$;

CREATE FUNCTION attribution_note_user() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO attribution_change (app_id, happened_at, user_id) VALUES (NEW.app_id, NULL, NEW.user_id);
    RETURN NULL;
END $$;
"""

# A worker's claim changes no state and costs nothing here: the conditions are looked at before anything is called.
TRIGGERS = """
CREATE TRIGGER note_clicks AFTER INSERT ON attribution_click
REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION attribution_note_clicks();

CREATE TRIGGER note_events AFTER INSERT ON attribution_conversion
REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION attribution_note_events();

CREATE TRIGGER note_state AFTER UPDATE OF state ON attribution_conversion
FOR EACH ROW WHEN (OLD.state <> NEW.state) EXECUTE FUNCTION attribution_note_state();

CREATE TRIGGER note_attributed_user AFTER INSERT ON attribution_attribution
FOR EACH ROW WHEN (NEW.is_attributed) EXECUTE FUNCTION attribution_note_user();

CREATE TRIGGER note_user_of_another_ad AFTER UPDATE ON attribution_attribution
FOR EACH ROW WHEN (
    (OLD.is_attributed, OLD.advertiser_id, OLD.project_id, OLD.promotion_id, OLD.campaign_id, OLD.aid)
    IS DISTINCT FROM
    (NEW.is_attributed, NEW.advertiser_id, NEW.project_id, NEW.promotion_id, NEW.campaign_id, NEW.aid)
) EXECUTE FUNCTION attribution_note_user();
"""

BACKWARDS = """
DROP TRIGGER note_clicks ON attribution_click;
DROP TRIGGER note_events ON attribution_conversion;
DROP TRIGGER note_state ON attribution_conversion;
DROP TRIGGER note_attributed_user ON attribution_attribution;
DROP TRIGGER note_user_of_another_ad ON attribution_attribution;
DROP FUNCTION attribution_note_clicks, attribution_note_events, attribution_note_state, attribution_note_user;
DROP FUNCTION attribution_quarter_hour;
"""

# What was there before the notes began.
EVERYTHING = """
INSERT INTO attribution_change (app_id, happened_at, user_id)
SELECT DISTINCT app_id, attribution_quarter_hour(occurred_at), '' FROM attribution_conversion
UNION
SELECT DISTINCT app_id, attribution_quarter_hour(clicked_at), '' FROM attribution_click;
"""


class Migration(migrations.Migration):
    dependencies = [("attribution", "0004_statistics")]

    operations = [
        migrations.RunSQL(FUNCTIONS + TRIGGERS, BACKWARDS),
        migrations.RunSQL(EVERYTHING, migrations.RunSQL.noop),
    ]
