"""The record of every completion, and the web processes that run them."""

import datetime as dt
import uuid
from functools import cache

from django.conf import settings
from django.db import models, transaction
from django.db.models.base import ModelState
from django.utils.translation import gettext_lazy as _

from streaming.models.usage import UsageNote


class ServerProcess(models.Model):
    """A web process that runs completions. If it is no longer seen, its completions were interrupted."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    seen_at = models.DateTimeField()

    class Meta:
        verbose_name = _("server process")
        verbose_name_plural = _("server processes")

    def __str__(self) -> str:
        return str(self.id)


class CompletionQuerySet(models.QuerySet["Completion"]):
    def completed_by(self, *, app_id: int, user_id: str) -> "CompletionQuerySet":
        """Chats in which the user got an answer: one that was refused as a whole is completed, but has an error."""
        return self.filter(app_id=app_id, user_id=user_id, state=Completion.State.COMPLETED, error_code="")

    def mark_interrupted(self, now: dt.datetime) -> int:
        """End the completions whose process is gone; returns how many."""
        silent_since = now - dt.timedelta(seconds=settings.CHAT_PROCESS_SILENT_AFTER_S)
        ServerProcess.objects.filter(seen_at__lt=silent_since).delete()
        alive = ServerProcess.objects.filter(seen_at__gte=silent_since)
        gone = self.filter(state=Completion.State.STREAMING).exclude(process_id__in=alive.values("id"))
        with transaction.atomic():
            started_at = dict(gone.select_for_update(of=("self",)).order_by("pk").values_list("pk", "started_at"))
            UsageNote.take(started_at.values())
            return self.filter(pk__in=started_at).update(
                state=Completion.State.INTERRUPTED, error_code="process_died", finished_at=now
            )


class Completion(models.Model):
    """One turn: who asked which model, its outcome and its usage. Written only by the recorder."""

    class State(models.TextChoices):
        STREAMING = "streaming", _("streaming")
        COMPLETED = "completed", _("completed")
        FAILED = "failed", _("failed")
        STOPPED = "stopped", _("stopped")
        DISCONNECTED = "disconnected", _("client left")
        INTERRUPTED = "interrupted", _("interrupted")

    class Profile(models.TextChoices):
        OPENAI = "openai", "OpenAI"
        APP = "app", _("app")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    # No constraint: the row is written after the answer has begun, and the caller may be deleted by then.
    caller = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("caller"),
        null=True,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        related_name="+",
    )
    user_id = models.CharField(_("user"), max_length=200, blank=True, help_text=_("The app's own id of its user"))
    # The user's app, which is the key's. A plain number, since this job knows nothing of the other job's tables.
    app_id = models.BigIntegerField(null=True, editable=False)
    # Who may read and stop it: access.Credential.owner.
    owner = models.CharField(max_length=400, editable=False)
    profile = models.CharField(_("profile"), max_length=8, choices=Profile)
    is_stream = models.BooleanField(_("streamed"))
    chat_model = models.CharField(_("model"), max_length=100)
    provider = models.CharField(_("provider"), max_length=50, blank=True)
    upstream_model = models.CharField(_("provider's model"), max_length=200, blank=True)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)

    state = models.CharField(_("state"), max_length=16, choices=State, default=State.STREAMING)
    finish_reason = models.CharField(_("finish reason"), max_length=64, blank=True)
    error_code = models.CharField(_("error"), max_length=100, blank=True)
    error_detail = models.TextField(_("provider's error"), blank=True)

    # None: the provider did not say.
    prompt_tokens = models.PositiveIntegerField(_("prompt tokens"), null=True)
    completion_tokens = models.PositiveIntegerField(_("completion tokens"), null=True)
    cached_tokens = models.PositiveIntegerField(_("cached tokens"), null=True)
    reasoning_tokens = models.PositiveIntegerField(_("reasoning tokens"), null=True)

    # By the route's prices at the time of the request. None: no price, or no usage.
    cost_cny = models.DecimalField(_("cost (CNY)"), max_digits=14, decimal_places=6, null=True)

    chunks = models.PositiveIntegerField(_("chunks"), default=0)
    started_at = models.DateTimeField(_("started at"))
    finished_at = models.DateTimeField(_("finished at"), null=True)
    first_content_ms = models.PositiveIntegerField(_("time to first token, ms"), null=True)
    duration_ms = models.PositiveIntegerField(_("duration, ms"), null=True)
    process_id = models.UUIDField(_("server process"))

    # The answer, if it belongs to a stored conversation.
    text = models.TextField(_("text"), blank=True)
    reasoning = models.TextField(_("reasoning"), blank=True)

    objects = CompletionQuerySet.as_manager()

    class Meta:
        verbose_name = _("completion")
        verbose_name_plural = _("completions")
        permissions = [("read_text", _("Can read the texts of stored chats"))]
        indexes = [
            # The admin's list, newest first, and its date filter; the hours of `usage/hours.py`.
            models.Index(fields=["-started_at"], name="completion_started"),
            # The admin's list of one model or provider: without it, a rare one means a scan of the whole table.
            models.Index(fields=["chat_model", "-started_at"], name="completion_of_model"),
            models.Index(fields=["provider", "-started_at"], name="completion_of_provider"),
            # The admin's list of turns that did not complete; nearly all rows did.
            models.Index(
                fields=["state", "-started_at"], name="completion_not_completed", condition=~models.Q(state="completed")
            ),
            # One user's chats: the admin's search, and how many of them were completed in a span of time (endings.py).
            models.Index(fields=["user_id", "started_at"], name="completion_of_user"),
            # The sweep's search for interrupted ones: nearly all rows are finished.
            models.Index(fields=["process_id"], name="completion_streaming", condition=models.Q(state="streaming")),
        ]

    def __str__(self) -> str:
        return str(self.id)

    @classmethod
    def begun(
        cls,
        *,
        caller_id: int | None,
        app_id: int | None,
        user_id: str,
        owner: str,
        profile: str,
        is_stream: bool,
        chat_model: str,
        started_at: dt.datetime,
        process_id: uuid.UUID,
    ) -> "Completion":
        """The row of a turn that begins, with default values in all other fields.

        Equals `Completion(…)`, which takes 17 µs of CPU for the defaults, the descriptors and two signals.
        """
        row = _blank().snapshot()
        row.__dict__.update(
            id=uuid.uuid4(),
            caller_id=caller_id,
            app_id=app_id,
            user_id=user_id,
            owner=owner,
            profile=profile,
            is_stream=is_stream,
            chat_model=chat_model,
            started_at=started_at,
            process_id=process_id,
        )
        return row

    def snapshot(self) -> "Completion":
        """A copy of the row as it is now. `copy.copy` goes through pickling, which takes 20 µs of CPU."""
        snapshot = Completion.__new__(Completion)
        snapshot.__dict__ = self.__dict__ | {"_state": ModelState()}
        return snapshot

    @property
    def tokens_per_s(self) -> float | None:
        """Speed after the first token; None if not known."""
        if not self.completion_tokens or self.duration_ms is None or self.first_content_ms is None:
            return None
        generating_ms = self.duration_ms - self.first_content_ms
        return self.completion_tokens * 1000 / generating_ms if generating_ms > 0 else None


@cache
def _blank() -> Completion:
    return Completion()
