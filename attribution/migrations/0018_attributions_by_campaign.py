"""The admin's filter by campaign: it also tells PostgreSQL how many users a campaign has."""

from django.db import migrations, models
from django.db.models.functions import Coalesce, NullIf


class Migration(migrations.Migration):
    dependencies = [("attribution", "0017_attributions_by_source")]

    operations = [
        migrations.AddIndex(
            model_name="attribution",
            index=models.Index(
                Coalesce(NullIf("project_id", 0), "campaign_id"),
                models.OrderBy(models.F("asked_at"), descending=True),
                name="attribution_by_campaign",
            ),
        )
    ]
