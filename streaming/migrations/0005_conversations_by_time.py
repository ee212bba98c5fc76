from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('streaming', '0004_note_recorded_hours'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='conversation',
            index=models.Index(fields=['-updated_at'], name='conversation_by_time'),
        ),
    ]
