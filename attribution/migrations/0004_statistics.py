import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("attribution", "0003_conversions"),
    ]

    operations = [
        migrations.CreateModel(
            name="AdName",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "level",
                    models.CharField(
                        choices=[("campaign", "campaign or project"), ("ad", "ad or promotion")], max_length=8
                    ),
                ),
                ("platform_id", models.BigIntegerField()),
                ("name", models.CharField(max_length=255, verbose_name="name")),
                ("seen_day", models.DateField()),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("level", "platform_id"), name="ad_name_once")],
            },
        ),
        migrations.CreateModel(
            name="Change",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("app_id", models.BigIntegerField()),
                ("happened_at", models.DateTimeField(null=True)),
                ("user_id", models.CharField(blank=True, max_length=128)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("happened_at__isnull", False), ("user_id", "")),
                            models.Q(("happened_at__isnull", True), models.Q(("user_id", ""), _negated=True)),
                            _connector="OR",
                        ),
                        name="change_of_one_kind",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="ClickDay",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("day", models.DateField(verbose_name="day")),
                ("is_organic", models.BooleanField(verbose_name="organic")),
                ("advertiser_id", models.BigIntegerField(verbose_name="advertiser")),
                ("campaign_id", models.BigIntegerField(verbose_name="campaign or project")),
                ("ad_id", models.BigIntegerField(verbose_name="ad or promotion")),
                ("clicks", models.PositiveIntegerField(verbose_name="clicks")),
                (
                    "app",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="attribution.app",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("day", "app", "is_organic", "advertiser_id", "campaign_id", "ad_id"),
                        name="click_day_once",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="EventDay",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("day", models.DateField(verbose_name="day")),
                ("is_organic", models.BooleanField(verbose_name="organic")),
                ("advertiser_id", models.BigIntegerField(verbose_name="advertiser")),
                ("campaign_id", models.BigIntegerField(verbose_name="campaign or project")),
                ("ad_id", models.BigIntegerField(verbose_name="ad or promotion")),
                ("channel", models.CharField(max_length=64, verbose_name="channel")),
                ("activations", models.PositiveIntegerField(verbose_name="activations")),
                ("registrations", models.PositiveIntegerField(verbose_name="registrations")),
                ("payments", models.PositiveIntegerField(verbose_name="payments")),
                ("paying_users", models.PositiveIntegerField(verbose_name="paying users")),
                ("amount_fen", models.BigIntegerField(verbose_name="amount (fen)")),
                ("next_day_opens", models.PositiveIntegerField(verbose_name="next-day opens")),
                ("key_behaviours", models.PositiveIntegerField(verbose_name="key behaviours")),
                (
                    "app",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="attribution.app",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("day", "app", "is_organic", "advertiser_id", "campaign_id", "ad_id", "channel"),
                        name="event_day_once",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="StateDay",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("day", models.DateField(verbose_name="day")),
                ("event", models.CharField(max_length=32, verbose_name="event")),
                ("state", models.CharField(max_length=10, verbose_name="state")),
                ("conversions", models.PositiveIntegerField(verbose_name="send records")),
                (
                    "app",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="attribution.app",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("day", "app", "event", "state"), name="state_day_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="UserDay",
            fields=[
                ("day", models.DateField(verbose_name="day")),
                ("is_organic", models.BooleanField(verbose_name="organic")),
                ("advertiser_id", models.BigIntegerField(verbose_name="advertiser")),
                ("campaign_id", models.BigIntegerField(verbose_name="campaign or project")),
                ("ad_id", models.BigIntegerField(verbose_name="ad or promotion")),
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("user_key", models.BigIntegerField()),
                ("channel", models.CharField(max_length=64, verbose_name="channel")),
                ("activation_day", models.DateField(null=True, verbose_name="day of the activation")),
                ("activation_channel", models.CharField(max_length=64, verbose_name="channel of the activation")),
                ("payments", models.PositiveIntegerField(verbose_name="payments")),
                ("amount_fen", models.BigIntegerField(verbose_name="amount (fen)")),
                ("next_day_opens", models.PositiveIntegerField(verbose_name="next-day opens")),
                (
                    "app",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="attribution.app",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["activation_day"], name="user_day_cohort")],
                "constraints": [models.UniqueConstraint(fields=("day", "app", "user_key"), name="user_day_once")],
            },
        ),
    ]
