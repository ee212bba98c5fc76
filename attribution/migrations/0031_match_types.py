"""Impressions and effective plays beside clicks, with windows of their own, and HarmonyOS.

A column with a constant default is added without touching the rows.
"""

from django.db import migrations, models

MATCH_TYPES = [("click", "click"), ("play", "effective play"), ("impression", "impression")]


def match_type():
    return models.CharField(
        choices=MATCH_TYPES, db_default="click", default="click", max_length=10, verbose_name="match type"
    )


def hours(title, help_text):
    return models.PositiveSmallIntegerField(db_default=24, default=24, help_text=help_text, verbose_name=title)


class Migration(migrations.Migration):
    dependencies = [("attribution", "0030_earlier_attributions")]

    operations = [
        migrations.AddField(
            "app",
            "play_window_hours",
            hours(
                "effective play window (hours)",
                "An effective play counts if it came at most this long before the activation. 0: never.",
            ),
        ),
        migrations.AddField(
            "app",
            "impression_window_hours",
            hours(
                "impression window (hours)",
                "An impression counts if it came at most this long before the activation. 0: never.",
            ),
        ),
        migrations.AddField("attribution", "match_type", match_type()),
        migrations.AddField("click", "match_type", match_type()),
        migrations.AlterField(
            "conversion",
            "os",
            models.CharField(
                choices=[("android", "Android"), ("ios", "iOS"), ("harmony", "HarmonyOS")],
                max_length=8,
                verbose_name="system",
            ),
        ),
    ]
