"""The ground has no foreign key into a job: a key names its app, and `foundation.hooks.apps` finds it."""

from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('access', '0006_keys_name_their_app'),
    ]

    operations = [
        migrations.RemoveField(
            model_name='apikey',
            name='app',
        ),
    ]
