import django.db.models.functions.comparison
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('attribution', '0013_records_by_reason'),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name='attribution',
            name='attribution_by_promotion',
        ),
        migrations.RemoveIndex(
            model_name='attribution',
            name='attribution_by_aid',
        ),
        migrations.AddIndex(
            model_name='attribution',
            index=models.Index(django.db.models.functions.comparison.Coalesce(django.db.models.functions.comparison.NullIf('promotion_id', 0), 'aid'), models.OrderBy(models.F('asked_at'), descending=True), name='attribution_by_ad'),
        ),
    ]
