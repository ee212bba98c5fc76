"""One activation per callback: the platform counts each, and one phone with two user ids has one callback.

The claim is a row that two workers can't both insert. It belongs to an activation, not to a user, whose id may change.
"""

import uuid
from collections.abc import Sequence

from attribution.events.reported import CALLBACK
from attribution.models import App, Attribution, CallbackUse, Conversion, Event, State
from attribution.platforms.registry import page_platform
from foundation.database import bulk

# An activation that ended like this was not counted by the platform: another one may use its callback.
NOT_COUNTED = (State.REJECTED, State.ORGANIC, State.SKIPPED)


def for_report(row: Conversion, attribution: Attribution) -> str:
    """The callback that the event came with, else its user's. Raises: `DecryptionError`."""
    slug, _platform = page_platform()
    own = row.device_ids.get(CALLBACK) if attribution.platform == slug else None
    return own or attribution.callback_param


def use_of(row: Conversion, attribution: Attribution, app: App) -> CallbackUse | None:
    """What has to be claimed before the row's first report; None: nothing."""
    if row.event != Event.ACTIVE or row.is_test or not app.activates_once_per_callback:
        return None
    key = CallbackUse.key(row.app_id, attribution.platform, for_report(row, attribution))
    return CallbackUse(id=key, conversion=row)


def claim(uses: Sequence[CallbackUse]) -> dict[uuid.UUID, str]:
    """Claim these, the first of a batch first. Returns the users who have the others' callbacks, by conversion."""
    if not uses:
        return {}
    first = {use.id: use for use in reversed(uses)}
    new = bulk.insert_new(list(first.values()), unique=["id"])
    taken = [use for use in uses if use.id not in new or first[use.id] is not use]
    owners = CallbackUse.objects.select_related("conversion").in_bulk([use.id for use in taken]) if taken else {}
    return {
        use.conversion_id: owners[use.id].conversion.user_id
        for use in taken
        if use.id in owners and not _may_have(use, owners[use.id])
    }


def _may_have(use: CallbackUse, owner: CallbackUse) -> bool:
    if owner.conversion_id == use.conversion_id:
        return True
    if owner.conversion.state not in NOT_COUNTED:
        return False
    mine = CallbackUse.objects.filter(pk=use.pk, conversion=owner.conversion_id)
    return mine.update(conversion=use.conversion_id) == 1
