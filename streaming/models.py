"""Providers, public models and their routes; the record of every completion."""

import datetime as dt
import uuid
from collections.abc import Iterable
from functools import cache

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models, transaction
from django.db.models.base import ModelState
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from streaming.catalogue import dialects

# Anyone who may edit providers could send these to a server of theirs and read them.
OWN_SECRETS = {
    "DATABASE_URL", "EMAIL_HOST_PASSWORD", "FIELD_ENCRYPTION_KEY", "OCEANENGINE_ACCESS_TOKEN",
    "OCEANENGINE_SIGNATURE_SECRET", "REDIS_URL", "SECRET_KEY", "USER_TOKEN_SECRET", "USER_TOKEN_SHARED_SECRETS",
}  # fmt: skip


class Provider(models.Model):
    """An OpenAI-compatible service. Its key is the value of an environment variable, never stored here."""

    slug = models.SlugField(_("short name"), unique=True)
    base_url = models.URLField(_("base URL"), help_text=_("Up to the version: …/api/v3 or …/v1"))
    api_key_env = models.CharField(_("variable with the key"), max_length=100, help_text=_("For example ARK_API_KEY"))
    dialect = models.CharField(_("dialect"), max_length=16, choices=dialects.choices, default="openai")

    class Meta:
        verbose_name = _("provider")
        verbose_name_plural = _("providers")

    def __str__(self) -> str:
        return self.slug

    def clean(self) -> None:
        if not self.base_url.startswith(("https://", "http://")):
            raise ValidationError({"base_url": _("It begins with https:// or http://.")})
        if self.api_key_env in OWN_SECRETS:
            raise ValidationError({"api_key_env": _("This variable is a secret of the server itself.")})


class ChatModelQuerySet(models.QuerySet["ChatModel"]):
    def with_routes(self) -> "ChatModelQuerySet":
        """Models that can be served, with their routes in order; costs one more query."""
        routes = Route.objects.select_related("provider").order_by("position")
        return self.filter(routes__isnull=False).distinct().prefetch_related(models.Prefetch("routes", routes))


class ChatModel(models.Model):
    """A model, by the name that clients use."""

    name = models.CharField(_("name"), max_length=100, unique=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    objects = ChatModelQuerySet.as_manager()

    class Meta:
        verbose_name = _("model")
        verbose_name_plural = _("models")

    def __str__(self) -> str:
        return self.name


class Route(models.Model):
    """One way to serve a model; the next position is tried when this one fails before its first content."""

    chat_model = models.ForeignKey(ChatModel, verbose_name=_("model"), on_delete=models.CASCADE, related_name="routes")
    provider = models.ForeignKey(Provider, verbose_name=_("provider"), on_delete=models.PROTECT, related_name="routes")
    upstream_model = models.CharField(_("provider's model"), max_length=200)
    position = models.PositiveSmallIntegerField(_("position"), default=0)
    # In yuan per million tokens. None: not known, so no cost is computed.
    prompt_price = models.DecimalField(
        _("price: prompt"),
        max_digits=10,
        decimal_places=4,
        null=True,
        blank=True,
        validators=[MinValueValidator(0)],
        help_text=_("CNY per million tokens"),
    )
    cached_price = models.DecimalField(
        _("price: cached prompt"),
        max_digits=10,
        decimal_places=4,
        null=True,
        blank=True,
        validators=[MinValueValidator(0)],
        help_text=_("CNY per million tokens; empty: as any prompt"),
    )
    completion_price = models.DecimalField(
        _("price: completion"),
        max_digits=10,
        decimal_places=4,
        null=True,
        blank=True,
        validators=[MinValueValidator(0)],
        help_text=_("CNY per million tokens"),
    )

    class Meta:
        verbose_name = _("route")
        verbose_name_plural = _("routes")
        permissions = [("test_route", _("Can send a test chat over a route"))]
        constraints = [
            # Two routes with one position would be tried in an order that changes from query to query.
            models.UniqueConstraint(fields=["chat_model", "position"], name="route_position_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.provider}/{self.upstream_model}"


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
        return self.filter(app_id=app_id, user_id=user_id, state=Completion.State.COMPLETED)

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


class UsageNote(models.Model):
    """Notes that completions which began in this hour have ended since the hour was summed.

    Written together with them, deleted by `usage/hours.py`.
    """

    hour = models.DateTimeField()

    class Meta:
        verbose_name = _("usage note")
        verbose_name_plural = _("usage notes")

    def __str__(self) -> str:
        return str(self.hour)

    @staticmethod
    def take(started_at: Iterable[dt.datetime]) -> None:
        hours = {timezone.localtime(at).replace(minute=0, second=0, microsecond=0) for at in started_at}
        UsageNote.objects.bulk_create([UsageNote(hour=hour) for hour in sorted(hours)])


class UsageHour(models.Model):
    """Usage of the ended completions that began in one hour, per model and provider. Summed only by `usage/hours.py`.

    Hours, because the current one is summed again every half minute, and a day would have too many rows for that. They
    begin on the hour in `TIME_ZONE`, so that its days consist of whole hours.
    """

    hour = models.DateTimeField(_("hour"))
    chat_model = models.CharField(_("model"), max_length=100)
    provider = models.CharField(_("provider"), max_length=50, blank=True)
    completions = models.PositiveBigIntegerField(_("chats"))
    completed = models.PositiveBigIntegerField(_("completed"))
    prompt_tokens = models.PositiveBigIntegerField(_("prompt tokens"))
    cached_tokens = models.PositiveBigIntegerField(_("cached tokens"))
    completion_tokens = models.PositiveBigIntegerField(_("completion tokens"))
    reasoning_tokens = models.PositiveBigIntegerField(_("reasoning tokens"))
    cost_cny = models.DecimalField(_("cost (CNY)"), max_digits=20, decimal_places=6)
    # Completions that ended with tokens but without a cost: the route had no price.
    unpriced = models.PositiveBigIntegerField(_("without a price"))

    class Meta:
        verbose_name = _("chat usage")
        verbose_name_plural = _("chat usage")
        constraints = [
            # Also serves the page's date range.
            models.UniqueConstraint(fields=["hour", "chat_model", "provider"], name="usage_hour_once"),
        ]

    def __str__(self) -> str:
        return f"{self.hour} {self.chat_model} {self.provider}"


class ConversationQuerySet(models.QuerySet["Conversation"]):
    def of(self, owner: str) -> "ConversationQuerySet":
        return self.filter(owner=owner)


class Conversation(models.Model):
    """A stored chat of one user, as long as `CHAT_STORE_TEXT` is on."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    # Who owns it: access.Credential.owner.
    owner = models.CharField(max_length=400, editable=False)
    title = models.CharField(_("title"), max_length=200, blank=True)
    created_at = models.DateTimeField(_("created at"))
    updated_at = models.DateTimeField(_("updated at"))

    objects = ConversationQuerySet.as_manager()

    class Meta:
        verbose_name = _("conversation")
        verbose_name_plural = _("conversations")
        indexes = [
            # The owner's list, newest first, page by page.
            models.Index(fields=["owner", "-updated_at", "-id"], name="conversation_of_owner"),
            # The admin's list, newest first.
            models.Index(fields=["-updated_at"], name="conversation_by_time"),
        ]

    def __str__(self) -> str:
        return self.title or str(self.id)


class Message(models.Model):
    """One message of a conversation. An answer's text and outcome are in its completion."""

    class Role(models.TextChoices):
        USER = "user", _("user")
        ASSISTANT = "assistant", _("assistant")

    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="messages")
    role = models.CharField(_("role"), max_length=16, choices=Role)
    question = models.TextField(_("question"), blank=True)
    # Set for answers. No constraint: the recorder writes the completion's row a moment later.
    completion = models.OneToOneField(
        Completion, null=True, on_delete=models.DO_NOTHING, db_constraint=False, related_name="message"
    )
    created_at = models.DateTimeField(_("created at"))

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")

    def __str__(self) -> str:
        return f"{self.role} {self.pk}"

    @property
    def answer(self) -> Completion | None:
        """The completion of an answer; None also if its row has not been written (yet)."""
        try:
            return self.completion
        except Completion.DoesNotExist:
            return None

    @property
    def content(self) -> str:
        if self.role == Message.Role.USER:
            return self.question
        return self.answer.text if self.answer else ""
