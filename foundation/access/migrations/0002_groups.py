"""The groups as they were made. What people change in them later stays, so nothing here follows later code."""

from django.db import migrations

LOOK = {
    "attribution": ["app", "channelpackage", "destination", "conversion", "attempt", "click", "attribution"],
    "streaming": ["completion", "usagehour"],
}
EDIT = {
    "attribution": ["app", "channelpackage", "destination"],
    "streaming": ["provider", "chatmodel", "route"],
    "access": ["apikey"],
}

# "<app>.<model>.<codename>". Whole device ids and texts of chats are in neither group: a superuser gives these singly.
MARKETERS = [
    *(f"{app}.{model}.view_{model}" for app, models in LOOK.items() for model in models),
    "attribution.conversion.resend_conversion",
    "attribution.conversion.export_conversion",
]
OPERATORS = [
    *MARKETERS,
    *(
        f"{app}.{model}.{action}_{model}"
        for app, models in EDIT.items()
        for model in models
        for action in ("view", "add", "change", "delete")
        # Destinations come with their first conversion; a deleted one would come back with its switch on.
        if not (model == "destination" and action in ("add", "delete"))
    ),
    "streaming.route.test_route",
]
# What Django calls the permissions that stand in no model's Meta.
_ACTIONS = ("view", "add", "change", "delete")


def grant(apps, group_name, permissions):
    """Make the group if it is missing, and give it these permissions. `apps` is a migration's.

    Django makes permissions after the last migration of a run, so on a new database there is none yet: those that are
    missing are made here, under the names that Django would give them, and it keeps what it finds.
    """
    group, _is_new = apps.get_model("auth", "Group").objects.get_or_create(name=group_name)
    group.permissions.add(*(_permission(apps, *name.split(".")) for name in permissions))


def _permission(apps, app, model, codename):
    content_type, _is_new = apps.get_model("contenttypes", "ContentType").objects.get_or_create(
        app_label=app, model=model
    )
    permission, _is_new = apps.get_model("auth", "Permission").objects.get_or_create(
        content_type=content_type, codename=codename, defaults={"name": _name(apps, app, model, codename)}
    )
    return permission


def _name(apps, app, model, codename):
    options = apps.get_model(app, model)._meta
    names = dict(options.permissions)
    action = codename.partition("_")[0]
    return names.get(codename) or (
        f"Can {action} {options.verbose_name_raw}" if action in _ACTIONS else f"Can {codename.replace('_', ' ')}"
    )


def make_groups(apps, schema_editor):
    grant(apps, "Marketers", MARKETERS)
    grant(apps, "Operators", OPERATORS)


def delete_groups(apps, schema_editor):
    apps.get_model("auth", "Group").objects.filter(name__in=["Marketers", "Operators"]).delete()


class Migration(migrations.Migration):

    dependencies = [
        ('access', '0001_api_key'),
        ('attribution', '0011_unmask_device'),
        ('streaming', '0004_note_recorded_hours'),
        ('auth', '0012_alter_user_first_name_max_length'),
        ('contenttypes', '0002_remove_content_type_name'),
    ]

    operations = [
        migrations.RunPython(make_groups, delete_groups),
    ]
