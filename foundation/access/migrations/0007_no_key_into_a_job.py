"""The ground has no foreign key into a job: a key names its app, and `foundation.hooks.apps` finds it.

The column stays, without its constraint, for web processes of the version before, which read it until they are restarted.
The next version drops it.
"""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('access', '0006_keys_name_their_app'),
    ]

    operations = [
        migrations.AlterField(
            model_name='apikey',
            name='app',
            field=models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='attribution.app', verbose_name='default app'),
        ),
        migrations.SeparateDatabaseAndState(
            state_operations=[migrations.RemoveField(model_name='apikey', name='app')],
        ),
    ]
