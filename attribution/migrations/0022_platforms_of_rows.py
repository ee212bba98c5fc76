"""Which ad platform a click, an attribution, a send record or a destination belongs to. All rows so far: Ocean Engine's.

A column with a constant default is added without touching the rows.
"""

from django.db import migrations, models


def platform(**options):
    return models.CharField(max_length=32, verbose_name="platform", default="oceanengine", **options)


class Migration(migrations.Migration):
    dependencies = [("attribution", "0021_groups_see_costs")]

    operations = [
        *[
            migrations.AddField(model, "platform", platform(blank=True), preserve_default=False)
            for model in ("click", "attribution", "conversion")
        ],
        migrations.AddField("destination", "platform", platform(), preserve_default=False),
        migrations.AlterField("destination", "key", models.CharField(max_length=64, verbose_name="destination")),
        migrations.AddConstraint(
            "destination", models.UniqueConstraint(fields=["platform", "key"], name="destination_once")
        ),
    ]
