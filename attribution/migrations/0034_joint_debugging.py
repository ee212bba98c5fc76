"""Records of joint debugging, and the phones of testers."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("attribution", "0033_clicks_of_one_request")]

    operations = [
        migrations.CreateModel(
            name="DebugDevice",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(blank=True, max_length=64, verbose_name="name")),
                ("device", models.TextField(editable=False)),
                (
                    "app",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="debug_devices",
                        to="attribution.app",
                        verbose_name="app",
                    ),
                ),
            ],
            options={"verbose_name": "test device", "verbose_name_plural": "test devices"},
        ),
        migrations.AlterField(
            "app",
            "reattribution_days",
            models.PositiveSmallIntegerField(
                blank=True,
                db_default=0,
                default=0,
                help_text="A user without events for so long, whom a newer click brings back, gets its ad. 0: never.",
                verbose_name="re-attribution after (days)",
            ),
        ),
        migrations.AddField(
            "conversion", "is_test", models.BooleanField(db_default=False, default=False, verbose_name="test")
        ),
    ]
