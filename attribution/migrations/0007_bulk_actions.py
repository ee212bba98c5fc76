from django.conf import settings
from django.db import migrations, models
import django.db.models.deletion


class Migration(migrations.Migration):
    dependencies = [
        ("attribution", "0006_paying_users"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="BulkAction",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("resend", "Send again"),
                            ("hold", "Hold"),
                            ("release", "Release"),
                            ("give_up", "Give up"),
                        ],
                        max_length=8,
                        verbose_name="action",
                    ),
                ),
                ("query", models.TextField(blank=True, verbose_name="filter")),
                ("reason", models.CharField(max_length=255, verbose_name="reason")),
                ("asked_at", models.DateTimeField(verbose_name="asked at")),
                ("finished_at", models.DateTimeField(null=True, verbose_name="finished at")),
                ("is_stopped", models.BooleanField(default=False, verbose_name="stopped")),
                ("seen", models.PositiveIntegerField(default=0, verbose_name="looked at")),
                ("changed", models.PositiveIntegerField(default=0, verbose_name="changed")),
                ("reached_at", models.DateTimeField(null=True)),
                ("reached_id", models.UUIDField(null=True)),
            ],
            options={
                "verbose_name": "bulk action",
                "verbose_name_plural": "bulk actions",
            },
        ),
        migrations.AlterModelOptions(
            name="conversion",
            options={
                "permissions": [
                    ("resend_conversion", "Can resend, hold and release send records"),
                    ("export_conversion", "Can export send records, clicks and attributions"),
                ],
                "verbose_name": "send record",
                "verbose_name_plural": "send records",
            },
        ),
        migrations.AddField(
            model_name="bulkaction",
            name="asked_by",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
                verbose_name="by",
            ),
        ),
        migrations.AddIndex(
            model_name="bulkaction",
            index=models.Index(condition=models.Q(("finished_at", None)), fields=["id"], name="bulk_action_open"),
        ),
        migrations.AddConstraint(
            model_name="bulkaction",
            constraint=models.CheckConstraint(
                condition=models.Q(("reason", ""), _negated=True), name="bulk_action_has_reason"
            ),
        ),
    ]
