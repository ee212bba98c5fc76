"""Indexes of the admin's lists: by day, advertiser and ad."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("attribution", "0007_bulk_actions")]

    operations = [
        migrations.RemoveIndex(
            model_name="conversion",
            name="conversion_by_day",
        ),
        migrations.AddIndex(
            model_name="attribution",
            index=models.Index(
                condition=models.Q(("promotion_id__isnull", False)),
                fields=["promotion_id"],
                name="attribution_by_promotion",
            ),
        ),
        migrations.AddIndex(
            model_name="attribution",
            index=models.Index(condition=models.Q(("aid__isnull", False)), fields=["aid"], name="attribution_by_aid"),
        ),
        migrations.AddIndex(
            model_name="conversion",
            index=models.Index(fields=["occurred_at", "app"], name="conversion_by_day"),
        ),
        migrations.AddIndex(
            model_name="conversion",
            index=models.Index(
                condition=models.Q(("advertiser_id__isnull", False)),
                fields=["advertiser_id", "-received_at"],
                name="conversion_by_advertiser",
            ),
        ),
    ]
