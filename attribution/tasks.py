"""The Celery tasks. A task may run twice or concurrently: rows are claimed, not passed as arguments."""

import logging

from celery import shared_task
from django.utils import timezone

from attribution.announcing import nudging
from attribution.costs import importing
from attribution.delivery import rounds
from attribution.records import batches
from attribution.statistics import summing

logger = logging.getLogger(__name__)

# Short enough that a worker can stop soon; the rest is queued again.
BUDGET_S = 20


@shared_task(name="attribution.deliver")
def deliver() -> None:
    """Deliver due conversions; queued by each new conversion, and by beat."""
    if not rounds.deliver_due(budget_s=BUDGET_S, clock=timezone.now).is_all:
        nudging.nudge()


@shared_task(name="attribution.act")
def act() -> None:
    """Continue people's actions on many records; queued by their page, and picked up by the sweep."""
    if not batches.resume_all(budget_s=BUDGET_S, now=timezone.now()).is_all:
        nudging.send("attribution.act")


@shared_task(name="attribution.import_costs")
def import_costs() -> None:
    """Import the costs of the accounts that are due; queued by beat."""
    if not importing.import_due(budget_s=BUDGET_S):
        nudging.send("attribution.import_costs")


@shared_task(name="attribution.verify_statistics")
def verify_statistics() -> None:
    """Compare the statistics with their rows and repair differences: every night, when little changes."""
    for difference in summing.repair(days=summing.VERIFIED_DAYS, now=timezone.now()):
        logger.error("The statistics were wrong and have been summed again: %s", difference)
