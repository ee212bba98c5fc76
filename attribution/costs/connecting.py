"""From a person's consent to accounts whose costs are imported."""

from collections.abc import Callable
from datetime import datetime

from django.db import transaction

from attribution.authorising import refreshing
from attribution.costs import sources
from attribution.models import Authorisation, CostAccount
from attribution.platforms.cost_source import Account


def connect(platform: str, code: str, *, user_id: int | None, clock: Callable[[], datetime]) -> Authorisation:
    """Trade the callback's code for tokens, store them, and read the accounts that they open. Raises: `CostError`.

    The code works only once, so the tokens are on disk before any other request.
    """
    tokens = sources.source_of(platform).tokens_of(code)
    now = clock()
    authorisation = Authorisation.objects.create(
        platform=platform, authorised_by_id=user_id, authorised_at=now, **refreshing.fields_of(tokens, now)
    )
    read_accounts(authorisation, clock=clock)
    return authorisation


def read_accounts(authorisation: Authorisation, *, clock: Callable[[], datetime]) -> int:
    """Take over the accounts that the authorisation opens; returns how many.

    Raises: `CostError`, `AuthorisationLostError`.
    """
    source = sources.source_of(authorisation.platform)
    token = refreshing.access_token(authorisation.pk, source.refreshed, clock=clock)
    accounts = source.accounts(token)
    _take_over(authorisation, accounts, now=clock())
    return len(accounts)


def _take_over(authorisation: Authorisation, accounts: list[Account], *, now: datetime) -> None:
    """Each account belongs to the newest authorisation that opens it; an authorisation left without any is deleted."""
    older = Authorisation.objects.filter(
        platform=authorisation.platform,
        kind=Authorisation.Kind.CONSENT,
        authorised_at__lt=authorisation.authorised_at,
    )
    with transaction.atomic():
        mine = CostAccount.objects.filter(
            platform=authorisation.platform, advertiser_id__in=[account.advertiser_id for account in accounts]
        )
        names = dict(mine.values_list("advertiser_id", "name"))
        held_by_newer = set(
            mine.filter(
                authorisation__authorised_at__gt=authorisation.authorised_at, authorisation__lost_because=""
            ).values_list("advertiser_id", flat=True)
        )
        CostAccount.objects.bulk_create(
            [
                CostAccount(
                    platform=authorisation.platform,
                    advertiser_id=account.advertiser_id,
                    name=account.name or names.get(account.advertiser_id, ""),
                    authorisation=authorisation,
                    due_at=now,
                )
                for account in accounts
                if account.advertiser_id not in held_by_newer
            ],
            update_conflicts=True,
            unique_fields=["platform", "advertiser_id"],
            update_fields=["name", "authorisation"],
        )
        older.filter(accounts=None).delete()
        Authorisation.objects.filter(pk=authorisation.pk).update(accounts_read_at=now)
