from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('access', '0004_keys_by_number'),
    ]

    operations = [
        migrations.AddField(
            model_name='apikey',
            name='app_slug',
            field=models.CharField(blank=True, default='', max_length=50, verbose_name='default app'),
        ),
    ]
