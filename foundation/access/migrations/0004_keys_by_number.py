from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('access', '0003_names_of_key_fields'),
    ]

    operations = [
        migrations.AlterField(
            model_name='apikey',
            name='digest',
            field=models.CharField(editable=False, max_length=128, unique=True),
        ),
        migrations.AddField(
            model_name='apikey',
            name='id',
            field=models.BigAutoField(primary_key=True, serialize=False),
        ),
    ]
