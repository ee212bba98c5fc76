"""Which of a platform's events a record is, and whether it is reported at all: the rules of its app."""

from django.db.models import Q

from attribution.models import App, Attribution, Conversion, EventRule
from attribution.models.event_rules import by_name


def find(app: App, row: Conversion, platform: str) -> EventRule | None:
    """The platform's own rule, or the one for all platforms."""
    name = row.app_event or row.event
    rules = by_name(app)
    return rules.get((name, platform)) or rules.get((name, ""))


def reason_to_skip(rule: EventRule, row: Conversion, attribution: Attribution) -> str:
    """Why the rule does not let the record be reported, as one of the records' reasons; empty: it does.

    Asks the database only for rules that let a single event of each user through.
    """
    if row.is_test:
        return ""
    if not rule.is_enabled:
        return "rule_switched_off"
    if rule.is_over(activated_at=attribution.activated_at, occurred_at=row.occurred_at):
        return "after_rule_window"
    if rule.count == EventRule.Count.FIRST and _has_earlier(row):
        return "not_first"
    return ""


def _has_earlier(row: Conversion) -> bool:
    of_user = Conversion.objects.filter(
        app_id=row.app_id, user_id=row.user_id, event=row.event, app_event=row.app_event, is_test=False
    )
    earlier = Q(occurred_at__lt=row.occurred_at) | Q(occurred_at=row.occurred_at, pk__lt=row.pk)
    return of_user.filter(earlier).exists()
