"""A smaller index of the keys of clicks: the btree cost each click a tenth more."""

from django.contrib.postgres.indexes import BrinIndex
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("attribution", "0036_groups_edit_test_devices")]

    operations = [
        migrations.RemoveIndex("clickkey", "click_key_by_time"),
        migrations.AddIndex("clickkey", BrinIndex(autosummarize=True, fields=["received_at"], name="click_key_by_day")),
    ]
