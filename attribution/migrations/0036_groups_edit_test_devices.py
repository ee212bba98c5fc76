"""Operators edit the test list, which marketers see. As `access.0002_groups`, nothing here follows later code."""

from importlib import import_module

from django.db import migrations

MARKETERS = ["attribution.debugdevice.view_debugdevice"]
OPERATORS = [*MARKETERS, *(f"attribution.debugdevice.{action}_debugdevice" for action in ("add", "change", "delete"))]


def let_edit(apps, schema_editor):
    grant = import_module("foundation.access.migrations.0002_groups").grant
    grant(apps, "Marketers", MARKETERS)
    grant(apps, "Operators", OPERATORS)


def take_back(apps, schema_editor):
    codenames = [name.rpartition(".")[2] for name in OPERATORS]
    for group in apps.get_model("auth", "Group").objects.filter(name__in=["Marketers", "Operators"]):
        group.permissions.remove(*group.permissions.filter(codename__in=codenames))


class Migration(migrations.Migration):
    dependencies = [
        ("attribution", "0035_index_of_tests"),
        ("access", "0002_groups"),
    ]

    operations = [migrations.RunPython(let_edit, take_back)]
