from django.conf import settings
from django.db import migrations, models
import attribution.models
import django.db.models.deletion


class Migration(migrations.Migration):
    dependencies = [
        ("attribution", "0002_clicks_and_attributions"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Destination",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.CharField(max_length=64, unique=True, verbose_name="destination")),
                ("name", models.CharField(blank=True, max_length=128, verbose_name="name")),
                ("is_enabled", models.BooleanField(default=True, verbose_name="enabled")),
                ("failures", models.PositiveIntegerField(default=0, verbose_name="failures in a row")),
                ("openings", models.PositiveIntegerField(default=0, verbose_name="openings in a row")),
                ("open_until", models.DateTimeField(blank=True, null=True, verbose_name="breaker open until")),
                ("last_error", models.TextField(blank=True, verbose_name="last error")),
            ],
            options={
                "verbose_name": "destination",
                "verbose_name_plural": "destinations",
            },
        ),
        migrations.CreateModel(
            name="Conversion",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=attribution.models.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("dedup_key", models.UUIDField(editable=False)),
                ("user_id", models.CharField(max_length=128, verbose_name="user")),
                (
                    "event",
                    models.CharField(
                        choices=[
                            ("active", "activation"),
                            ("active_register", "registration"),
                            ("active_pay", "payment"),
                            ("next_day_open", "next-day open"),
                            ("game_addiction", "key behaviour"),
                        ],
                        max_length=32,
                        verbose_name="event",
                    ),
                ),
                (
                    "os",
                    models.CharField(
                        choices=[("android", "Android"), ("ios", "iOS")], max_length=8, verbose_name="system"
                    ),
                ),
                ("channel", models.CharField(blank=True, max_length=64, verbose_name="channel")),
                ("amount_fen", models.BigIntegerField(null=True, verbose_name="amount (fen)")),
                ("outer_event_id", models.CharField(blank=True, max_length=128, verbose_name="outer event id")),
                ("rule", models.CharField(blank=True, max_length=128, verbose_name="derived by")),
                ("occurred_at", models.DateTimeField(verbose_name="occurred at")),
                ("received_at", models.DateTimeField(verbose_name="received at")),
                ("device", models.TextField(blank=True, verbose_name="device ids, encrypted")),
                ("device_digest", models.BinaryField(max_length=32, null=True)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("pending", "pending"),
                            ("reported", "reported"),
                            ("organic", "organic"),
                            ("rejected", "rejected"),
                            ("failed", "failed"),
                            ("held", "held"),
                            ("skipped", "skipped"),
                        ],
                        default="pending",
                        max_length=10,
                        verbose_name="state",
                    ),
                ),
                ("reason", models.CharField(blank=True, max_length=64, verbose_name="reason")),
                ("detail", models.TextField(blank=True, verbose_name="detail")),
                ("warning", models.CharField(blank=True, max_length=255, verbose_name="warning")),
                ("due_at", models.DateTimeField(null=True, verbose_name="next attempt")),
                ("give_up_at", models.DateTimeField(verbose_name="given up after")),
                ("lease_token", models.UUIDField(editable=False, null=True)),
                ("lookups", models.PositiveSmallIntegerField(default=0, verbose_name="look-ups")),
                ("tries", models.PositiveSmallIntegerField(default=0, verbose_name="tries")),
                ("advertiser_id", models.BigIntegerField(null=True, verbose_name="advertiser")),
                ("body", models.TextField(blank=True, verbose_name="body that is sent, encrypted")),
                ("finished_at", models.DateTimeField(null=True, verbose_name="finished at")),
                ("resend_reason", models.CharField(blank=True, max_length=255)),
                (
                    "app",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="attribution.app",
                        verbose_name="app",
                    ),
                ),
                (
                    "attribution",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="attribution.attribution",
                        verbose_name="attribution",
                    ),
                ),
                (
                    "resend_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "send record",
                "verbose_name_plural": "send records",
                "permissions": [("resend_conversion", "Can resend, hold and release send records")],
            },
        ),
        migrations.CreateModel(
            name="Attempt",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=attribution.models.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[("lookup", "attribution query"), ("report", "report")],
                        max_length=8,
                        verbose_name="kind",
                    ),
                ),
                (
                    "outcome",
                    models.CharField(
                        choices=[
                            ("unknown", "unknown"),
                            ("accepted", "accepted"),
                            ("warning", "accepted with a warning"),
                            ("attributed", "attributed"),
                            ("not_attributed", "not attributed"),
                            ("rejected", "rejected"),
                            ("unavailable", "unavailable"),
                        ],
                        default="unknown",
                        max_length=16,
                        verbose_name="outcome",
                    ),
                ),
                ("started_at", models.DateTimeField(verbose_name="started at")),
                ("duration_ms", models.PositiveIntegerField(null=True, verbose_name="duration (ms)")),
                ("http_status", models.PositiveSmallIntegerField(null=True, verbose_name="HTTP status")),
                ("code", models.IntegerField(null=True, verbose_name="code")),
                ("message", models.TextField(blank=True, verbose_name="message")),
                ("request", models.TextField(blank=True, verbose_name="request, masked")),
                ("response", models.TextField(blank=True, verbose_name="response, masked")),
                ("resend_reason", models.CharField(blank=True, max_length=255, verbose_name="resend reason")),
                (
                    "resent_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="resent by",
                    ),
                ),
                (
                    "conversion",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="attempts",
                        to="attribution.conversion",
                    ),
                ),
            ],
            options={
                "verbose_name": "attempt",
                "verbose_name_plural": "attempts",
            },
        ),
        migrations.AddIndex(
            model_name="conversion",
            index=models.Index(
                condition=models.Q(("due_at__isnull", False)), fields=["due_at"], name="conversion_queue"
            ),
        ),
        migrations.AddIndex(
            model_name="conversion",
            index=models.Index(fields=["app", "user_id"], name="conversion_by_user"),
        ),
        migrations.AddIndex(
            model_name="conversion",
            index=models.Index(fields=["state", "-received_at"], name="conversion_by_state"),
        ),
        migrations.AddIndex(
            model_name="conversion",
            index=models.Index(fields=["-received_at"], name="conversion_by_time"),
        ),
        migrations.AddIndex(
            model_name="conversion",
            index=models.Index(fields=["app", "occurred_at"], name="conversion_by_day"),
        ),
        migrations.AddIndex(
            model_name="conversion",
            index=models.Index(condition=models.Q(("state", "held")), fields=["advertiser_id"], name="conversion_held"),
        ),
        migrations.AddConstraint(
            model_name="conversion",
            constraint=models.UniqueConstraint(fields=("dedup_key",), name="conversion_once"),
        ),
        migrations.AddConstraint(
            model_name="conversion",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("state__in", ["pending", "reported", "organic", "rejected", "failed", "held", "skipped"])
                ),
                name="conversion_state_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="conversion",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "pending"), _negated=True), ("due_at__isnull", False), _connector="OR"
                ),
                name="conversion_pending_due",
            ),
        ),
        migrations.AddConstraint(
            model_name="conversion",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("event", "active_pay"), _negated=True), ("amount_fen__isnull", False), _connector="OR"
                ),
                name="conversion_payment_amount",
            ),
        ),
        migrations.AddIndex(
            model_name="attempt",
            index=models.Index(fields=["started_at"], name="attempt_by_time"),
        ),
    ]
