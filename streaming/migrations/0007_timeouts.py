"""Timeouts of single providers, models and routes. Empty columns, which old processes need not know."""

from django.db import migrations, models

from streaming.catalogue.timeouts import validate_seconds

NAMES = {
    "connect_timeout_s": "timeout: connection",
    "first_content_timeout_s": "timeout: first content",
    "idle_timeout_s": "timeout: between chunks",
    "total_timeout_s": "timeout: whole answer",
}


def seconds(label: str) -> models.Field:
    return models.FloatField(
        label,
        null=True,
        blank=True,
        validators=[validate_seconds],
        help_text="In seconds. Empty: the model's, else the provider's, else the setting.",
    )


class Migration(migrations.Migration):

    dependencies = [
        ('streaming', '0006_dialects_of_the_setting'),
    ]

    operations = [
        migrations.AddField(model, name, seconds(label))
        for model in ("provider", "chatmodel", "route")
        for name, label in NAMES.items()
    ]
