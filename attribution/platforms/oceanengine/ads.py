"""Ocean Engine's ads: upgraded accounts have projects and promotions, old ones campaigns, ads (aid), creatives (cid).

Both are kept unchanged. Only this module decides what counts as the campaign and the ad: the project and the promotion,
or if there is none, the old campaign and ad.
"""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _

from attribution.platforms.platform import Ad, AdLevel

LEVELS = {
    "project": (_("Project"), "project_id", "project_name"),
    "promotion": (_("Promotion"), "promotion_id", "promotion_name"),
    "campaign": (_("Campaign"), "campaign_id", "campaign_name"),
    "ad": (_("Ad"), "aid", "aid_name"),
    "creative": (_("Creative"), "cid", "cid_name"),
}
ID_FIELDS = [id_field for _title, id_field, _name_field in LEVELS.values()]
NAME_FIELDS = [name_field for _title, _id_field, name_field in LEVELS.values()]


def ad(advertiser_id: int | None, own: Mapping[str, Any]) -> Ad:
    """`own`: the given ids and names under the vendor's names, without zeros and empty texts."""
    return Ad(
        advertiser_id=advertiser_id,
        campaign_id=own.get("project_id") or own.get("campaign_id"),
        campaign_name=own.get("project_name") or own.get("campaign_name") or "",
        ad_id=own.get("promotion_id") or own.get("aid"),
        ad_name=own.get("promotion_name") or own.get("aid_name") or "",
        creative_id=own.get("cid"),
        creative_name=own.get("cid_name") or "",
        platform_ad=dict(own),
    )


def levels(found: Ad) -> list[AdLevel]:
    own = found.platform_ad
    return [
        AdLevel(
            title=title,
            id_field=id_field,
            id=own.get(id_field),
            name_field=name_field,
            name=own.get(name_field) or "",
        )
        for title, id_field, name_field in LEVELS.values()
    ]
