"""Clicks, as monitor links reported them."""

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import BrinIndex, GinIndex
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from attribution.devices.match_types import MatchType
from attribution.models.ads import AdIds
from attribution.models.apps import App
from attribution.models.words import MATCH_TYPES


class Click(AdIds):
    """A click on an ad, or one of its other touches (`match_type`), as the monitor link reported it.

    Device ids are kept as keyed digests of their **md5** form, since a link may give them raw or hashed; the query as
    received is kept encrypted in `raw`.
    """

    id = models.BigAutoField(primary_key=True)
    app = models.ForeignKey(App, verbose_name=_("app"), on_delete=models.CASCADE, related_name="clicks", db_index=False)
    match_type = models.CharField(
        _("match type"),
        max_length=10,
        choices=MATCH_TYPES,
        default=MatchType.CLICK.value,
        db_default=MatchType.CLICK.value,
    )
    request_id = models.CharField(_("request id"), max_length=128, blank=True)
    track_id = models.CharField(_("track id"), max_length=128, blank=True)
    clicked_at = models.DateTimeField(_("clicked at"))
    received_at = models.DateTimeField(_("received at"))
    os = models.CharField(_("system"), max_length=16, blank=True)
    device_model = models.CharField(_("device model"), max_length=128, blank=True)
    oaid_digest = models.BinaryField(max_length=32, null=True)
    android_id_digest = models.BinaryField(max_length=32, null=True)
    imei_digest = models.BinaryField(max_length=32, null=True)
    idfa_digest = models.BinaryField(max_length=32, null=True)
    caid_digests = ArrayField(models.BinaryField(max_length=32), default=list)
    ip_ua_digest = models.BinaryField(max_length=32, null=True)
    ipv6_ua_digest = models.BinaryField(max_length=32, null=True)
    callback_param = models.TextField(_("callback parameter"), blank=True)
    callback_url = models.TextField(_("callback URL"), blank=True)
    material = models.JSONField(_("placement and material"), default=dict, blank=True)
    oddities = ArrayField(models.CharField(max_length=64), default=list, blank=True)
    raw = models.TextField(_("query as received, encrypted"), blank=True)

    class Meta:
        verbose_name = _("click")
        verbose_name_plural = _("clicks")
        indexes = [
            # The admin's search by request id.
            models.Index(fields=["app", "request_id"], condition=~Q(request_id=""), name="click_by_request"),
            # The candidates for a device by each kind of id, newest first (`storage.find`).
            models.Index(
                fields=["app", "oaid_digest", "-clicked_at"],
                condition=Q(oaid_digest__isnull=False),
                name="click_by_oaid",
            ),
            models.Index(
                fields=["app", "android_id_digest", "-clicked_at"],
                condition=Q(android_id_digest__isnull=False),
                name="click_by_android_id",
            ),
            models.Index(
                fields=["app", "imei_digest", "-clicked_at"],
                condition=Q(imei_digest__isnull=False),
                name="click_by_imei",
            ),
            models.Index(
                fields=["app", "idfa_digest", "-clicked_at"],
                condition=Q(idfa_digest__isnull=False),
                name="click_by_idfa",
            ),
            models.Index(
                fields=["app", "ip_ua_digest", "-clicked_at"],
                condition=Q(ip_ua_digest__isnull=False),
                name="click_by_ip_ua",
            ),
            models.Index(
                fields=["app", "ipv6_ua_digest", "-clicked_at"],
                condition=Q(ipv6_ua_digest__isnull=False),
                name="click_by_ipv6_ua",
            ),
            # No pending list (`fastupdate`): each look-up would read all of it.
            GinIndex(fields=["caid_digests"], condition=~Q(caid_digests=[]), fastupdate=False, name="click_by_caid"),
            # The admin's newest page, and the purge of rows past their retention.
            models.Index(fields=["received_at"], name="click_by_time"),
            # The admin's list of plays or impressions: there may be few or none of them.
            models.Index(fields=["-received_at"], condition=~Q(match_type="click"), name="click_views_by_time"),
            # One day of clicks (statistics). Times rise along the table's pages, so a BRIN of a thousandth of a btree's
            # size is enough; "multi": a few late clicks in a page don't make it match every day in between.
            BrinIndex(
                fields=["clicked_at"],
                opclasses=["timestamptz_minmax_multi_ops"],
                autosummarize=True,
                name="click_by_day",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.pk} · {self.clicked_at:%Y-%m-%d %H:%M:%S}"


class ClickKey(models.Model):
    """That a click is stored, so that a repeat of it is dropped: a platform calls again if it was answered late.

    A narrow table of its own, so that clicks can be partitioned: no unique index can span partitions. `key` is a digest
    of app, platform, match type and `MonitoredClick.identity`. Rows are kept as long as clicks are.
    """

    key = models.UUIDField(primary_key=True, editable=False)
    received_at = models.DateTimeField()

    class Meta:
        indexes = [
            # The purge of rows past their retention. Times rise along the table's pages; a btree would cost each click
            # a tenth more.
            BrinIndex(fields=["received_at"], autosummarize=True, name="click_key_by_day")
        ]

    def __str__(self) -> str:
        return str(self.key)
