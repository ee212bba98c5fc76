from django.db import migrations
from django.db.models.functions import TruncHour


def note_recorded_hours(apps, schema_editor):
    """Have the hours summed that were recorded before there were sums."""
    completions = apps.get_model("streaming", "Completion").objects.exclude(state="streaming")
    hours = completions.annotate(hour=TruncHour("started_at")).order_by().values_list("hour", flat=True).distinct()
    note = apps.get_model("streaming", "UsageNote")
    note.objects.bulk_create([note(hour=hour) for hour in hours])


class Migration(migrations.Migration):

    dependencies = [
        ('streaming', '0003_usage_and_cost'),
    ]

    operations = [
        migrations.RunPython(note_recorded_hours, migrations.RunPython.noop),
    ]
