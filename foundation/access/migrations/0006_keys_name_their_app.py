"""Each key keeps its app. By itself, since PostgreSQL alters no table whose rows were changed in the same transaction."""

from django.db import migrations
from django.db.models import OuterRef, Subquery


def name_apps(apps, schema_editor):
    slug = apps.get_model('attribution', 'App').objects.filter(pk=OuterRef('app_id')).values('slug')
    keys = apps.get_model('access', 'ApiKey').objects
    keys.exclude(app_id=None).update(app_slug=Subquery(slug[:1]))


def point_to_apps(apps, schema_editor):
    pk = apps.get_model('attribution', 'App').objects.filter(slug=OuterRef('app_slug')).values('pk')
    keys = apps.get_model('access', 'ApiKey').objects
    keys.exclude(app_slug='').update(app_id=Subquery(pk[:1]))


class Migration(migrations.Migration):

    dependencies = [
        ('access', '0005_slug_of_app'),
    ]

    operations = [
        migrations.RunPython(name_apps, point_to_apps),
    ]
