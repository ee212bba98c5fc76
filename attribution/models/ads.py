"""Which ad a row belongs to."""

from django.db import models
from django.db.models.functions import Coalesce, NullIf
from django.utils.translation import gettext_lazy as _


class AdIds(models.Model):
    """Which ad: the upgraded structure (project, promotion) and the old one (campaign, aid, cid), side by side."""

    advertiser_id = models.BigIntegerField(_("advertiser"), null=True, blank=True)
    project_id = models.BigIntegerField(_("project"), null=True, blank=True)
    project_name = models.CharField(_("project name"), max_length=255, blank=True)
    promotion_id = models.BigIntegerField(_("promotion"), null=True, blank=True)
    promotion_name = models.CharField(_("promotion name"), max_length=255, blank=True)
    campaign_id = models.BigIntegerField(_("campaign"), null=True, blank=True)
    campaign_name = models.CharField(_("campaign name"), max_length=255, blank=True)
    aid = models.BigIntegerField(_("ad"), null=True, blank=True)
    aid_name = models.CharField(_("ad name"), max_length=255, blank=True)
    cid = models.BigIntegerField(_("creative"), null=True, blank=True)
    cid_name = models.CharField(_("creative name"), max_length=255, blank=True)

    class Meta:
        abstract = True


# The project and the promotion, or the old campaign and ad where there is none: as the statistics count.
CAMPAIGN_ID = Coalesce(NullIf("project_id", 0), "campaign_id")
AD_ID = Coalesce(NullIf("promotion_id", 0), "aid")
AD_FIELDS = [field.name for field in AdIds._meta.fields]
