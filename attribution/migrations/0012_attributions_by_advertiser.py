from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('attribution', '0011_unmask_device'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='attribution',
            index=models.Index(condition=models.Q(('advertiser_id__isnull', False)), fields=['advertiser_id', '-asked_at'], name='attribution_by_advertiser'),
        ),
    ]
