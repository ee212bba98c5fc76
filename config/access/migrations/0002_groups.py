from django.db import migrations

from config.access.groups import MARKETERS, OPERATORS, grant


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
