from django.db import migrations, models
import attribution.models
import django.db.models.deletion


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="App",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("slug", models.SlugField(unique=True, verbose_name="short name")),
                ("android_package", models.CharField(blank=True, max_length=200, verbose_name="Android package")),
                ("ios_bundle", models.CharField(blank=True, max_length=200, verbose_name="iOS bundle id")),
                (
                    "monitor_token",
                    models.CharField(
                        default=attribution.models.new_monitor_token,
                        max_length=64,
                        unique=True,
                        verbose_name="monitor link token",
                    ),
                ),
                (
                    "is_reporting",
                    models.BooleanField(
                        default=True,
                        help_text="While this is off, conversions are held. They are reported when it is on again.",
                        verbose_name="report conversions",
                    ),
                ),
                (
                    "click_window_days",
                    models.PositiveSmallIntegerField(
                        default=7,
                        help_text="A click on our monitor link counts if it came at most this long before the activation.",
                        verbose_name="click window (days)",
                    ),
                ),
                (
                    "event_window_days",
                    models.PositiveSmallIntegerField(
                        default=90,
                        help_text="Events that happen later than this after the activation are skipped.",
                        verbose_name="event window (days)",
                    ),
                ),
                (
                    "matches_by_network",
                    models.BooleanField(
                        default=False,
                        help_text="A guess: only clicks of the last 24 hours are compared.",
                        verbose_name="match by IP and user agent",
                    ),
                ),
                (
                    "derives_next_day_open",
                    models.BooleanField(
                        default=False,
                        help_text="Made from the user's first event on the calendar day after the activation.",
                        verbose_name="derive next-day open",
                    ),
                ),
                (
                    "key_behaviour_event",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("active", "activation"),
                            ("active_register", "registration"),
                            ("active_pay", "payment"),
                            ("next_day_open", "next-day open"),
                            ("game_addiction", "key behaviour"),
                            ("chat", "completed chat"),
                        ],
                        help_text="What is counted. Leave empty to derive no key behaviour.",
                        max_length=40,
                        verbose_name="key behaviour: event",
                    ),
                ),
                ("key_behaviour_count", models.PositiveIntegerField(default=1, verbose_name="key behaviour: count")),
                (
                    "key_behaviour_hours",
                    models.PositiveIntegerField(default=24, verbose_name="key behaviour: hours after activation"),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="created at")),
            ],
            options={
                "verbose_name": "app",
                "verbose_name_plural": "apps",
            },
        ),
        migrations.CreateModel(
            name="ChannelPackage",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("channel", models.CharField(max_length=64, verbose_name="channel")),
                ("package", models.CharField(max_length=200, verbose_name="package")),
                (
                    "app",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="channel_packages",
                        to="attribution.app",
                    ),
                ),
            ],
            options={
                "verbose_name": "channel package",
                "verbose_name_plural": "channel packages",
                "constraints": [models.UniqueConstraint(fields=("app", "channel"), name="channel_package_once")],
            },
        ),
    ]
