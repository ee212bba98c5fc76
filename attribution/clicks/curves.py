"""The curve of click-to-install times, per ad: real users install within the hour, and fewer and fewer after it.

- Injection: a fraudulent app sees an installation begin and reports a click at that moment: installs within seconds.
- Flooding: clicks that nobody made happen to come before installs at any time: a flat curve.
"""

from bisect import bisect_right
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from attribution.clicks.matching import SUSPICIOUS_BELOW_S
from attribution.models import Attribution

# Where one bucket ends and the next begins, in seconds.
EDGES = (SUSPICIOUS_BELOW_S, 60, 600, 3600, 21_600, 86_400, 259_200)
TITLES = (
    gettext_lazy("under 10 s"), gettext_lazy("1 min"), gettext_lazy("10 min"), gettext_lazy("1 h"),
    gettext_lazy("6 h"), gettext_lazy("1 day"), gettext_lazy("3 days"), gettext_lazy("later"),
)  # fmt: skip
READ = 50_000
SHOWN = 50
# Fewer installs within seconds than this can be chance, as can the curve of fewer installs than that.
LEAST_SOON, LEAST_INSTALLS = 5, 30
SOON_SHARE = 0.05
FIRST_HOUR_SHARE, AFTER_A_DAY_SHARE = 0.25, 0.4


@dataclass(kw_only=True)
class Curve:
    """How many installs of an ad came how long after their click. Ids are None where the platform gave none."""

    platform: str = ""
    advertiser_id: int | None = None
    campaign_id: int | None = None
    campaign_name: str = ""
    ad_id: int | None = None
    ad_name: str = ""
    counts: list[int] = field(default_factory=lambda: [0] * len(TITLES))

    @property
    def installs(self) -> int:
        return sum(self.counts)

    @property
    def shares(self) -> list[float]:
        return [count / self.installs if self.installs else 0.0 for count in self.counts]

    @property
    def reasons(self) -> list[str]:
        """What looks like fraud; empty: nothing does."""
        return [reason for reason in (self._injection(), self._flat()) if reason]

    def _injection(self) -> str:
        soon = self.counts[0]
        if soon < LEAST_SOON or soon < SOON_SHARE * self.installs:
            return ""
        words = {"soon": soon, "installs": self.installs, "seconds": SUSPICIOUS_BELOW_S}
        return _("Injection: %(soon)d of %(installs)d installs came within %(seconds)d s of their click.") % words

    def _flat(self) -> str:
        shares = self.shares
        hour, day = bisect_right(EDGES, 3600), bisect_right(EDGES, 86_400)
        first_hour, after_a_day = sum(shares[:hour]), sum(shares[day:])
        is_flat = first_hour < FIRST_HOUR_SHARE and after_a_day >= AFTER_A_DAY_SHARE
        if self.installs < LEAST_INSTALLS or not is_flat:
            return ""
        words = {"installs": self.installs, "first_hour": f"{first_hour:.0%}", "late": f"{after_a_day:.0%}"}
        return (
            _(
                "Flat curve: of %(installs)d installs only %(first_hour)s came within an hour of the click, and "
                "%(late)s after more than a day."
            )
            % words
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """`total` is of all ads. `read_since`: if not all of the period's users were read, since when they were."""

    curves: list[Curve]
    total: Curve
    read_since: datetime | None


def find(*, since: datetime, until: datetime, app_ids: Collection[int] | None = None) -> Found:
    """The curves of the newest users of this time, those of the ads with reasons first, then by installs."""
    with connection.cursor() as cursor:
        cursor.execute(_STATEMENT, {"since": since, "until": until, "apps": None if app_ids is None else list(app_ids)})
        rows = cursor.fetchall()
    curves: dict[Any, Curve] = {}
    total = Curve()
    for _oldest, _count, bucket, installs, *ad in rows:
        if bucket is not None:
            curve = curves.setdefault(tuple(ad[:4]), Curve(**_named(ad)))
            curve.counts[bucket] += installs
            total.counts[bucket] += installs
    ordered = sorted(curves.values(), key=lambda curve: (not curve.reasons, -curve.installs))
    oldest_at, count = rows[0][:2] if rows else (None, 0)
    return Found(curves=ordered[:SHOWN], total=total, read_since=oldest_at if count > READ else None)


def _named(ad: Sequence[Any]) -> Mapping[str, Any]:
    names = ("platform", "advertiser_id", "campaign_id", "ad_id", "campaign_name", "ad_name")
    return dict(zip(names, ad, strict=True))


_STATEMENT = f"""
    WITH newest AS MATERIALIZED (
        SELECT asked_at, platform, advertiser_id, campaign_id, campaign_name, ad_id, ad_name,
        is_attributed AND match_type = 'click'
        AND (%(apps)s::bigint[] IS NULL OR app_id = ANY(%(apps)s::bigint[])) AS is_wanted,
        COALESCE(click_to_install_s, EXTRACT(epoch FROM activated_at - touched_at)::bigint) AS lag_s
        FROM {Attribution._meta.db_table} WHERE asked_at >= %(since)s AND asked_at < %(until)s
        ORDER BY asked_at DESC LIMIT {READ + 1}
    ), buckets AS (
        SELECT width_bucket(lag_s, ARRAY{list(EDGES)}::bigint[]) AS bucket, count(*) AS installs,
        platform, advertiser_id, campaign_id, ad_id, max(campaign_name) AS campaign_name, max(ad_name) AS ad_name
        FROM newest WHERE is_wanted AND lag_s >= 0 GROUP BY bucket, platform, advertiser_id, campaign_id, ad_id
    )
    SELECT read.oldest_at, read.users, buckets.*
    FROM (SELECT min(asked_at) AS oldest_at, count(*) AS users FROM newest) AS read LEFT JOIN buckets ON true
"""  # noqa: S608  # names of ours
