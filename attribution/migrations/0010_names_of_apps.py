import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('attribution', '0009_ads_of_sums'),
    ]

    operations = [
        migrations.AlterField(
            model_name='attribution',
            name='app',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='attributions', to='attribution.app', verbose_name='app'),
        ),
        migrations.AlterField(
            model_name='click',
            name='app',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='clicks', to='attribution.app', verbose_name='app'),
        ),
    ]
