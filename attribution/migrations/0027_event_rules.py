"""Apps' own names for events, other words of the platforms, and the rules of what is reported."""

import django.core.validators
import django.db.models.deletion
from django.db import migrations, models


# The word, and what it counts once for.
DEFAULTS = {
    "active": "user", "active_register": "user", "active_pay": "id", "next_day_open": "user", "game_addiction": "user",
}


def add_default_rules(apps, schema_editor):
    rule = apps.get_model("attribution", "EventRule")
    app_ids = apps.get_model("attribution", "App").objects.values_list("pk", flat=True)
    rule.objects.bulk_create(
        rule(app_id=app_id, name=word, event=word, once_per=once_per)
        for app_id in app_ids
        for word, once_per in DEFAULTS.items()
    )


class Migration(migrations.Migration):

    dependencies = [
        ('attribution', '0026_refusals_are_tried_again'),
    ]

    operations = [
        migrations.AddField(
            model_name='conversion',
            name='app_event',
            field=models.CharField(blank=True, db_default='', default='', max_length=32, verbose_name="the app's event"),
        ),
        migrations.AddField(
            model_name='conversion',
            name='properties',
            field=models.JSONField(blank=True, null=True, verbose_name='properties'),
        ),
        migrations.AlterField(
            model_name='conversion',
            name='event',
            field=models.CharField(max_length=32, verbose_name='event'),
        ),
        migrations.CreateModel(
            name='EventRule',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=32, validators=[django.core.validators.RegexValidator('\\A(?!\\d+\\Z)[\\w.:-]+\\Z', 'Letters, digits and _ . : - only, and not digits alone.')], verbose_name="the app's event")),
                ('platform', models.CharField(blank=True, max_length=32, verbose_name='platform')),
                ('event', models.CharField(max_length=32, verbose_name="the platform's event")),
                ('count', models.CharField(choices=[('every', 'every one'), ('first', "a user's first one")], default='every', max_length=8, verbose_name='reported')),
                ('within_days', models.PositiveSmallIntegerField(blank=True, help_text='After the activation; empty: any time.', null=True, verbose_name='within days')),
                ('once_per', models.CharField(choices=[('id', 'event id, or user where there is none'), ('user', 'user')], default='id', max_length=8, verbose_name='once per')),
                ('amount_property', models.CharField(blank=True, help_text='The property that holds the amount, for events that come without the field “amount”.', max_length=64, verbose_name='amount: property')),
                ('amount_unit', models.CharField(choices=[('fen', 'fen'), ('yuan', 'yuan')], default='fen', max_length=8, verbose_name='amount: unit')),
                ('is_enabled', models.BooleanField(default=True, verbose_name='report')),
                ('app', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='event_rules', to='attribution.app', verbose_name='app')),
            ],
            options={
                'verbose_name': 'event rule',
                'verbose_name_plural': 'event rules',
                'constraints': [models.UniqueConstraint(fields=('app', 'name', 'platform'), name='event_rule_once')],
            },
        ),
        migrations.RunPython(add_default_rules, migrations.RunPython.noop),
    ]
