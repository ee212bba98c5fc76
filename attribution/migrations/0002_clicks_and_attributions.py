from django.db import migrations, models
import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.db.models.deletion


class Migration(migrations.Migration):
    dependencies = [
        ("attribution", "0001_app"),
    ]

    operations = [
        migrations.CreateModel(
            name="Click",
            fields=[
                ("advertiser_id", models.BigIntegerField(blank=True, null=True, verbose_name="advertiser")),
                ("project_id", models.BigIntegerField(blank=True, null=True, verbose_name="project")),
                ("project_name", models.CharField(blank=True, max_length=255, verbose_name="project name")),
                ("promotion_id", models.BigIntegerField(blank=True, null=True, verbose_name="promotion")),
                ("promotion_name", models.CharField(blank=True, max_length=255, verbose_name="promotion name")),
                ("campaign_id", models.BigIntegerField(blank=True, null=True, verbose_name="campaign")),
                ("campaign_name", models.CharField(blank=True, max_length=255, verbose_name="campaign name")),
                ("aid", models.BigIntegerField(blank=True, null=True, verbose_name="ad")),
                ("aid_name", models.CharField(blank=True, max_length=255, verbose_name="ad name")),
                ("cid", models.BigIntegerField(blank=True, null=True, verbose_name="creative")),
                ("cid_name", models.CharField(blank=True, max_length=255, verbose_name="creative name")),
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("request_id", models.CharField(blank=True, max_length=128, verbose_name="request id")),
                ("track_id", models.CharField(blank=True, max_length=128, verbose_name="track id")),
                ("clicked_at", models.DateTimeField(verbose_name="clicked at")),
                ("received_at", models.DateTimeField(verbose_name="received at")),
                ("os", models.CharField(blank=True, max_length=16, verbose_name="system")),
                ("device_model", models.CharField(blank=True, max_length=128, verbose_name="device model")),
                ("oaid_digest", models.BinaryField(max_length=32, null=True)),
                ("android_id_digest", models.BinaryField(max_length=32, null=True)),
                ("imei_digest", models.BinaryField(max_length=32, null=True)),
                ("idfa_digest", models.BinaryField(max_length=32, null=True)),
                (
                    "caid_digests",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.BinaryField(max_length=32), default=list, size=None
                    ),
                ),
                ("ip_ua_digest", models.BinaryField(max_length=32, null=True)),
                ("ipv6_ua_digest", models.BinaryField(max_length=32, null=True)),
                ("callback_param", models.TextField(blank=True, verbose_name="callback parameter")),
                ("callback_url", models.TextField(blank=True, verbose_name="callback URL")),
                ("material", models.JSONField(blank=True, default=dict, verbose_name="placement and material")),
                (
                    "oddities",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=64), blank=True, default=list, size=None
                    ),
                ),
                ("raw", models.TextField(blank=True, verbose_name="query as received, encrypted")),
                (
                    "app",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="clicks",
                        to="attribution.app",
                    ),
                ),
            ],
            options={
                "verbose_name": "click",
                "verbose_name_plural": "clicks",
            },
        ),
        migrations.CreateModel(
            name="Attribution",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("advertiser_id", models.BigIntegerField(blank=True, null=True, verbose_name="advertiser")),
                ("project_id", models.BigIntegerField(blank=True, null=True, verbose_name="project")),
                ("project_name", models.CharField(blank=True, max_length=255, verbose_name="project name")),
                ("promotion_id", models.BigIntegerField(blank=True, null=True, verbose_name="promotion")),
                ("promotion_name", models.CharField(blank=True, max_length=255, verbose_name="promotion name")),
                ("campaign_id", models.BigIntegerField(blank=True, null=True, verbose_name="campaign")),
                ("campaign_name", models.CharField(blank=True, max_length=255, verbose_name="campaign name")),
                ("aid", models.BigIntegerField(blank=True, null=True, verbose_name="ad")),
                ("aid_name", models.CharField(blank=True, max_length=255, verbose_name="ad name")),
                ("cid", models.BigIntegerField(blank=True, null=True, verbose_name="creative")),
                ("cid_name", models.CharField(blank=True, max_length=255, verbose_name="creative name")),
                ("user_id", models.CharField(max_length=128, verbose_name="user")),
                ("is_attributed", models.BooleanField(default=False, verbose_name="attributed")),
                (
                    "source",
                    models.CharField(
                        blank=True,
                        choices=[("platform", "Ocean Engine"), ("click", "our click")],
                        max_length=16,
                        verbose_name="source",
                    ),
                ),
                ("reason", models.CharField(blank=True, max_length=64, verbose_name="reason")),
                ("detail", models.TextField(blank=True, verbose_name="detail")),
                ("callback_param", models.TextField(blank=True, verbose_name="callback parameter")),
                ("touched_at", models.DateTimeField(null=True, verbose_name="last touch")),
                ("activated_at", models.DateTimeField(verbose_name="activation")),
                ("click_to_install_s", models.IntegerField(null=True, verbose_name="click to install (s)")),
                ("is_suspicious", models.BooleanField(default=False, verbose_name="suspicious")),
                ("asked_at", models.DateTimeField(verbose_name="last asked")),
                ("attributed_at", models.DateTimeField(null=True, verbose_name="attributed at")),
                (
                    "app",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="attributions",
                        to="attribution.app",
                    ),
                ),
                (
                    "click",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="attribution.click",
                        verbose_name="click",
                    ),
                ),
            ],
            options={
                "verbose_name": "attribution",
                "verbose_name_plural": "attributions",
            },
        ),
        migrations.AddIndex(
            model_name="click",
            index=models.Index(
                condition=models.Q(("oaid_digest__isnull", False)),
                fields=["app", "oaid_digest", "-clicked_at"],
                name="click_by_oaid",
            ),
        ),
        migrations.AddIndex(
            model_name="click",
            index=models.Index(
                condition=models.Q(("android_id_digest__isnull", False)),
                fields=["app", "android_id_digest", "-clicked_at"],
                name="click_by_android_id",
            ),
        ),
        migrations.AddIndex(
            model_name="click",
            index=models.Index(
                condition=models.Q(("imei_digest__isnull", False)),
                fields=["app", "imei_digest", "-clicked_at"],
                name="click_by_imei",
            ),
        ),
        migrations.AddIndex(
            model_name="click",
            index=models.Index(
                condition=models.Q(("idfa_digest__isnull", False)),
                fields=["app", "idfa_digest", "-clicked_at"],
                name="click_by_idfa",
            ),
        ),
        migrations.AddIndex(
            model_name="click",
            index=models.Index(
                condition=models.Q(("ip_ua_digest__isnull", False)),
                fields=["app", "ip_ua_digest", "-clicked_at"],
                name="click_by_ip_ua",
            ),
        ),
        migrations.AddIndex(
            model_name="click",
            index=models.Index(
                condition=models.Q(("ipv6_ua_digest__isnull", False)),
                fields=["app", "ipv6_ua_digest", "-clicked_at"],
                name="click_by_ipv6_ua",
            ),
        ),
        migrations.AddIndex(
            model_name="click",
            index=django.contrib.postgres.indexes.GinIndex(
                condition=models.Q(("caid_digests", []), _negated=True),
                fastupdate=False,
                fields=["caid_digests"],
                name="click_by_caid",
            ),
        ),
        migrations.AddIndex(
            model_name="click",
            index=models.Index(fields=["received_at"], name="click_by_time"),
        ),
        migrations.AddIndex(
            model_name="click",
            index=django.contrib.postgres.indexes.BrinIndex(
                autosummarize=True,
                fields=["clicked_at"],
                name="click_by_day",
                opclasses=["timestamptz_minmax_multi_ops"],
            ),
        ),
        migrations.AddConstraint(
            model_name="click",
            constraint=models.UniqueConstraint(
                condition=models.Q(("request_id", ""), _negated=True),
                fields=("app", "request_id"),
                name="click_request_once",
            ),
        ),
        migrations.AddIndex(
            model_name="attribution",
            index=models.Index(fields=["asked_at"], name="attribution_by_time"),
        ),
        migrations.AddConstraint(
            model_name="attribution",
            constraint=models.UniqueConstraint(fields=("app", "user_id"), name="attribution_once_per_user"),
        ),
        migrations.AddConstraint(
            model_name="attribution",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("is_attributed", False), models.Q(("callback_param", ""), _negated=True), _connector="OR"
                ),
                name="attribution_has_callback",
            ),
        ),
    ]
