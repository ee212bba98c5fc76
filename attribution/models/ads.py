"""Which ad a row belongs to."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class AdIds(models.Model):
    """Which ad, in the same form for all platforms; two platforms may have ads with one id.

    Ids are 64-bit numbers: the campaigns, ads and creatives of all platforms known to us have such ids, and they keep
    the indexes of millions of rows small. Anything else, for example an account's name, stays in `platform_ad`, with
    everything else that the vendor says about the ad in its own words.
    """

    platform = models.CharField(_("platform"), max_length=32, blank=True)
    advertiser_id = models.BigIntegerField(_("advertiser"), null=True, blank=True)
    campaign_id = models.BigIntegerField(_("campaign or project"), null=True, blank=True)
    campaign_name = models.CharField(_("campaign or project name"), max_length=255, blank=True)
    ad_id = models.BigIntegerField(_("ad or promotion"), null=True, blank=True)
    ad_name = models.CharField(_("ad or promotion name"), max_length=255, blank=True)
    creative_id = models.BigIntegerField(_("creative"), null=True, blank=True)
    creative_name = models.CharField(_("creative name"), max_length=255, blank=True)
    platform_ad = models.JSONField(_("ad in the platform's words"), default=dict, blank=True)

    class Meta:
        abstract = True

    @property
    def ad_label(self) -> str | int | None:
        """The ad, as shown in lists."""
        return self.ad_name or self.ad_id

    @property
    def campaign_label(self) -> str | int | None:
        return self.campaign_name or self.campaign_id
