"""What the groups may do with alerts. As `access.0002_groups`, nothing here follows later code."""

from importlib import import_module

from django.db import migrations

LOOK = ["channel", "rule", "incident", "notice"]
MARKETERS = [f"alerts.{model}.view_{model}" for model in LOOK]
OPERATORS = [
    *MARKETERS,
    *(f"alerts.channel.{action}_channel" for action in ("add", "change", "delete")),
    # Rules come with what is watched.
    "alerts.rule.change_rule",
    "alerts.channel.test_channel",
]


def let_look_and_edit(apps, schema_editor):
    grant = import_module("foundation.access.migrations.0002_groups").grant
    grant(apps, "Marketers", MARKETERS)
    grant(apps, "Operators", OPERATORS)


def take_back(apps, schema_editor):
    for group in apps.get_model("auth", "Group").objects.filter(name__in=["Marketers", "Operators"]):
        group.permissions.remove(*group.permissions.filter(content_type__app_label="alerts"))


class Migration(migrations.Migration):

    dependencies = [
        ('alerts', '0001_channels_and_rules'),
        ('access', '0002_groups'),
    ]

    operations = [
        migrations.RunPython(let_look_and_edit, take_back),
    ]
