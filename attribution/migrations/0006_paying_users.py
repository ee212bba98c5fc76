from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("attribution", "0005_notes_of_changes")]

    operations = [
        migrations.AddIndex(
            model_name="userday",
            index=models.Index(
                condition=models.Q(("payments__gt", 0)),
                fields=["day", "app", "user_key"],
                include=("is_organic", "advertiser_id", "campaign_id", "ad_id", "channel"),
                name="user_day_paying",
            ),
        )
    ]
