"""Whose error codes a provider uses. Empty by default of the database, so that old processes need not know it."""

from django.db import migrations, models

import streaming.catalogue.vendors


class Migration(migrations.Migration):

    dependencies = [
        ('streaming', '0007_timeouts'),
    ]

    operations = [
        migrations.AddField(
            model_name='provider',
            name='vendor',
            field=models.CharField(
                blank=True,
                choices=streaming.catalogue.vendors.choices,
                db_default='',
                default='',
                help_text='Whose error codes it uses; empty: known by the base URL, else by the short name',
                max_length=16,
                verbose_name='vendor',
            ),
        ),
    ]
