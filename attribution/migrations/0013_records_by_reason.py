from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("attribution", "0012_attributions_by_advertiser")]

    operations = [
        migrations.AddIndex(
            model_name="conversion",
            index=models.Index(
                fields=["reason", "-received_at"],
                condition=models.Q(("reason", ""), _negated=True),
                name="conversion_by_reason",
            ),
        )
    ]
