"""Prices of routes by day and by length."""

import streaming.catalogue.validators
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('streaming', '0009_knobs_of_routes'),
    ]

    operations = [
        migrations.AddField(
            model_name='route',
            name='prices',
            field=models.JSONField(blank=True, db_default=models.Value([], models.JSONField()), default=list, help_text='CNY per million tokens, by day and by length, for example [{"valid_from": "2026-01-01", "max_prompt_tokens": 32768, "prompt": 0.8, "cached": 0.16, "completion": 2}]. The newest day that has begun counts, then the first rule that fits.', validators=[streaming.catalogue.validators.validate_prices], verbose_name='price rules'),
        ),
    ]
