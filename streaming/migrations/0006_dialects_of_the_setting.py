"""The dialects to choose from are those of the setting `CHAT_DIALECTS`; no column changes."""

from django.db import migrations, models

import streaming.catalogue.dialects


class Migration(migrations.Migration):

    dependencies = [
        ('streaming', '0005_conversations_by_time'),
    ]

    operations = [
        migrations.AlterField(
            model_name='provider',
            name='dialect',
            field=models.CharField(choices=streaming.catalogue.dialects.choices, default='openai', max_length=16, verbose_name='dialect'),
        ),
    ]
