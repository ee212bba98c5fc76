"""A person's action on many send records, and how far it has come. The work itself: `records.batches`."""

from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class BulkAction(models.Model):
    """Requested once, done in batches: each batch's transaction also writes to this row where to continue.

    So a worker that dies loses nothing and repeats nothing, and afterwards the row shows who did what to which records,
    and why.
    """

    class Kind(models.TextChoices):
        RESEND = "resend", _("Send again")
        HOLD = "hold", _("Hold")
        RELEASE = "release", _("Release")
        GIVE_UP = "give_up", _("Give up")

    kind = models.CharField(_("action"), max_length=8, choices=Kind)
    # The filters of `filtering.CONVERSIONS`, as a URL query.
    query = models.TextField(_("filter"), blank=True)
    reason = models.CharField(_("reason"), max_length=255)
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("by"), null=True, on_delete=models.SET_NULL, related_name="+"
    )
    asked_at = models.DateTimeField(_("asked at"))
    finished_at = models.DateTimeField(_("finished at"), null=True)
    is_stopped = models.BooleanField(_("stopped"), default=False)
    seen = models.PositiveIntegerField(_("looked at"), default=0)
    changed = models.PositiveIntegerField(_("changed"), default=0)
    # Time and id of the last record examined; records are taken newest first.
    reached_at = models.DateTimeField(null=True)
    reached_id = models.UUIDField(null=True)

    class Meta:
        verbose_name = _("bulk action")
        verbose_name_plural = _("bulk actions")
        constraints = [
            # An action without a reason could not be explained to the people who pay for the ads.
            models.CheckConstraint(condition=~Q(reason=""), name="bulk_action_has_reason")
        ]
        indexes = [
            # Unfinished actions (`batches.resume_all`).
            models.Index(fields=["id"], condition=Q(finished_at=None), name="bulk_action_open")
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.reason}"

    @property
    def left_alone(self) -> int:
        """The number of records that a worker held, or whose state the action no longer applied to."""
        return self.seen - self.changed

    @property
    def signature(self) -> str:
        """Who and why, as written to the records' detail."""
        return f"{self.asked_by}: {self.reason}" if self.asked_by else self.reason

    def note_batch(self, *, seen: int, changed: int, reached_at: datetime, reached_id: UUID) -> None:
        self.seen += seen
        self.changed += changed
        self.reached_at, self.reached_id = reached_at, reached_id
        self.save(update_fields=["seen", "changed", "reached_at", "reached_id"])

    def mark_finished(self, now: datetime) -> None:
        self.finished_at = now
        self.save(update_fields=["finished_at"])
