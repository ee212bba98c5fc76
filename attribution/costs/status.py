"""The state of cost imports, for `GET /statusz`."""

from datetime import datetime, timedelta

from django.db.models import Min

from attribution.models import Authorisation, CostAccount
from foundation.hooks.status import Part

# Imports run hourly; after this long without one, someone must look into it.
STALE_AFTER = timedelta(hours=26)


def look(now: datetime) -> Part:
    """Accounts that are switched off, or were never imported, do not count as trouble."""
    accounts = CostAccount.objects.filter(is_enabled=True)
    oldest = accounts.aggregate(oldest=Min("imported_at"))["oldest"]
    facts = {
        "accounts": accounts.count(),
        "failing": accounts.exclude(problem="").count(),
        "oldest_import_s": None if oldest is None else round((now - oldest).total_seconds(), 1),
        "authorise_again": Authorisation.objects.exclude(lost_because="").count(),
    }
    return Part(is_ok=oldest is None or now - oldest < STALE_AFTER, facts=facts)
