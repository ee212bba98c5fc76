"""Sends the waiting notices: one message per channel, all channels side by side.

1. Claim: a conditional update gives the channel to one process (a lease), and its notices are marked as being sent.
2. Send: in a thread without a database, bounded by `posting.TOTAL_S`.
3. Record the outcome: sent, or waiting for the channel's next attempt, which backs off.

Killed before 1 or between 1 and 2, nothing was sent: what waits is claimed again, at the latest when the lease is over.
Killed between 2 and 3, the channel has the message and nobody knows: it is sent once more, with the same id. That is
the one way to a second message about a cause; the other choice would be to lose one.
"""

import logging
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone, translation

from foundation.alerts import wording
from foundation.alerts.channels.channel_kind import Message, NotSentError
from foundation.alerts.models import Channel, Notice
from foundation.database.insisting import insist
from foundation.sealing import UnreadableError

logger = logging.getLogger(__name__)

LEASE = timedelta(minutes=2)
THREADS = 8
# After this no further channel is started; the next sweep queues the task again.
BUDGET_S = 20
# After a long outage of its channel only the newest waiting messages are sent in full; older ones are counted.
MAX_NOTICES = 1000


@dataclass(slots=True)
class Batch:
    """What one channel is being sent, and the outcome. `error` None: the channel accepted it."""

    channel: Channel
    token: uuid.UUID
    notices: Sequence[Notice]
    message: Message
    answer: str = ""
    error: str | None = None
    retry_after_s: float | None = None


def send_all(*, clock: Callable[[], datetime]) -> int:
    """Send each channel its waiting notices; returns the number of channels that accepted."""
    sent = 0
    give_up_at = time.monotonic() + BUDGET_S
    with ThreadPoolExecutor(max_workers=THREADS, thread_name_prefix="alerts") as threads:
        # No more at once than there are threads: a lease runs from the claim.
        while batches := list(islice(_claimed(clock()), THREADS)):
            for finished in as_completed([threads.submit(_send, batch) for batch in batches]):
                _write(finished.result(), clock())
            sent += sum(batch.error is None for batch in batches)
            if time.monotonic() > give_up_at:
                break
    return sent


def test(channel: Channel) -> tuple[bool, str]:
    """Send a test message now; returns whether the channel accepted it, and its answer."""
    message = wording.compose_test(channel, timezone.now())
    batch = _send(Batch(channel, uuid.uuid4(), [], message))
    if batch.error is not None:
        return False, batch.error
    # The channel works again, so waiting notices need not wait for the pause.
    Channel.objects.filter(pk=channel.pk).update(failures=0, last_error="", retry_at=None)
    return True, batch.answer


def _claimed(now: datetime) -> Iterator[Batch]:
    waiting = Notice.objects.waiting().filter(channel=OuterRef("pk"))
    free = Q(lease_until=None) | Q(lease_until__lt=now)
    due = Channel.objects.filter(free, Q(retry_at=None) | Q(retry_at__lte=now), Exists(waiting), is_enabled=True)
    for key in list(due.values_list("pk", flat=True)):
        batch = _claim(key, free, now)
        if batch:
            yield batch


@transaction.atomic
def _claim(key: int, free: Q, now: datetime) -> Batch | None:
    token = uuid.uuid4()
    if not Channel.objects.filter(free, pk=key).update(lease_token=token, lease_until=now + LEASE):
        return None
    waiting = Notice.objects.waiting().filter(channel=key).select_related("incident__rule").order_by("pk")
    notices = [each for each in waiting[:MAX_NOTICES] if not each.incident.rule.is_quiet(now)]
    if not notices:
        Channel.objects.filter(pk=key).update(lease_token=None, lease_until=None)
        return None
    Notice.objects.filter(pk__in=[each.pk for each in notices]).update(
        state=Notice.State.SENDING, attempts=F("attempts") + 1
    )
    channel = Channel.objects.get(pk=key)
    return Batch(channel, token, notices, wording.compose(channel, notices, now))


def _send(batch: Batch) -> Batch:
    channel = batch.channel
    try:
        with translation.override(channel.language):
            batch.answer = channel.scrubbed(channel.channel_kind.send(channel.address, batch.message, timezone.now()))
    except NotSentError as err:
        batch.error, batch.retry_after_s = channel.scrubbed(str(err)), err.retry_after_s
    except UnreadableError as err:
        batch.error = str(err)
    except Exception as err:  # a bug of ours with one channel: the others go on
        logger.exception("Sending to the alert channel %s", channel.pk)
        batch.error = type(err).__name__
    return batch


def _write(batch: Batch, now: datetime) -> None:
    if batch.error is None:
        insist(lambda: _write_sent(batch, now))
    else:
        logger.warning("The alert channel %s took nothing: %s", batch.channel, batch.error)
        insist(lambda: _write_failure(batch, now))


@transaction.atomic
def _write_sent(batch: Batch, now: datetime) -> None:
    batch.channel.note_sent(now)
    _give_back(batch)
    for notice in batch.notices:
        notice.state, notice.sent_at, notice.answer = Notice.State.SENT, now, batch.answer
    Notice.objects.bulk_update(batch.notices, ["state", "sent_at", "answer", "text"], batch_size=200)


@transaction.atomic
def _write_failure(batch: Batch, now: datetime) -> None:
    batch.channel.note_failure(batch.error or "", retry_after_s=batch.retry_after_s, now=now)
    if _give_back(batch):
        ours = Notice.objects.filter(pk__in=[each.pk for each in batch.notices], state=Notice.State.SENDING)
        ours.update(state=Notice.State.WAITING, answer=batch.error)


def _give_back(batch: Batch) -> bool:
    """Returns whether the channel was still ours: a process that froze must not overwrite another's work."""
    channel = batch.channel
    return bool(
        Channel.objects.filter(pk=channel.pk, lease_token=batch.token).update(
            failures=channel.failures,
            last_error=channel.last_error,
            retry_at=channel.retry_at,
            last_sent_at=channel.last_sent_at,
            lease_token=None,
            lease_until=None,
        )
    )
