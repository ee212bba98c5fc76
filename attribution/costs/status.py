"""How imports of costs are, for `GET /statusz`."""

from datetime import datetime, timedelta

from django.db.models import Min

from attribution.models import Authorisation, CostAccount
from foundation.hooks.status import Part

# Imports come hourly; this long without one, somebody has to look.
STALE_AFTER = timedelta(hours=26)


def look(now: datetime) -> Part:
    """Accounts that were switched off, or never imported yet, are no trouble."""
    accounts = CostAccount.objects.filter(is_enabled=True)
    oldest = accounts.aggregate(oldest=Min("imported_at"))["oldest"]
    facts = {
        "accounts": accounts.count(),
        "failing": accounts.exclude(problem="").count(),
        "oldest_import_s": None if oldest is None else round((now - oldest).total_seconds(), 1),
        "authorise_again": Authorisation.objects.exclude(lost_because="").count(),
    }
    return Part(is_ok=oldest is None or now - oldest < STALE_AFTER, facts=facts)
