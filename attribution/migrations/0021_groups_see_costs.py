"""What the groups may do with costs. As `access.0002_groups`, nothing here follows later code."""

from importlib import import_module

from django.db import migrations

MARKETERS = [
    "attribution.adcost.view_adcost",
    "attribution.adcost.add_adcost",  # uploads
    "attribution.costaccount.view_costaccount",
    "attribution.costimport.view_costimport",
]
OPERATORS = [
    *MARKETERS,
    "attribution.costaccount.change_costaccount",
    # Accounts are connected by a new authorisation, and disconnected by its end.
    *(f"attribution.authorisation.{action}_authorisation" for action in ("view", "add", "delete")),
]


def let_look_and_connect(apps, schema_editor):
    grant = import_module("foundation.access.migrations.0002_groups").grant
    grant(apps, "Marketers", MARKETERS)
    grant(apps, "Operators", OPERATORS)


def take_back(apps, schema_editor):
    codenames = [name.rpartition(".")[2] for name in OPERATORS]
    for group in apps.get_model("auth", "Group").objects.filter(name__in=["Marketers", "Operators"]):
        group.permissions.remove(*group.permissions.filter(codename__in=codenames))


class Migration(migrations.Migration):

    dependencies = [
        ("attribution", "0020_cost_imports"),
        ("access", "0002_groups"),
    ]

    operations = [
        migrations.RunPython(let_look_and_connect, take_back),
    ]
