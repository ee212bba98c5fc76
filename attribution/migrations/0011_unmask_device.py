from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('attribution', '0010_names_of_apps'),
    ]

    operations = [
        migrations.AlterModelOptions(
            name='conversion',
            options={'permissions': [('resend_conversion', 'Can resend, hold and release send records'), ('export_conversion', 'Can export send records, clicks and attributions'), ('unmask_device', 'Can see whole device ids')], 'verbose_name': 'send record', 'verbose_name_plural': 'send records'},
        ),
    ]
