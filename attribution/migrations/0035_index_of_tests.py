"""The page of joint debugging. Built while the table is written to."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("attribution", "0034_joint_debugging")]

    operations = [
        AddIndexConcurrently(
            "conversion",
            models.Index(condition=models.Q(("is_test", True)), fields=["-received_at"], name="conversion_test"),
        )
    ]
