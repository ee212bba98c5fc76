"""Indexes of the admin's filters of attributions that may choose few rows."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("attribution", "0016_payers_of_days")]

    operations = [
        migrations.AddIndex(
            model_name="attribution",
            index=models.Index(
                condition=models.Q(("source", ""), _negated=True),
                fields=["source", "-asked_at"],
                name="attribution_by_source",
            ),
        ),
        migrations.AddIndex(
            model_name="attribution",
            index=models.Index(
                condition=models.Q(("is_suspicious", True)), fields=["-asked_at"], name="attribution_suspicious"
            ),
        ),
    ]
