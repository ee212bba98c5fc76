"""Two platforms may give two clicks of one app the same request id."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("attribution", "0023_ads_in_one_form")]

    operations = [
        migrations.RemoveConstraint("click", "click_request_once"),
        migrations.AddConstraint(
            "click",
            models.UniqueConstraint(
                condition=models.Q(("request_id", ""), _negated=True),
                fields=("app", "request_id", "platform"),
                name="click_request_once",
            ),
        ),
    ]
