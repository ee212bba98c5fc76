"""API keys. A caller is a Django user without a password; it may hold several keys."""

from datetime import datetime

from django.contrib.auth import get_user_model
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from knox.models import AbstractAuthToken, get_digest_token
from knox.settings import CONSTANTS

from foundation.access.credentials import Credential
from foundation.hooks import apps

User = get_user_model()


class ApiKeyManager(models.Manager["ApiKey"]):
    def issue(self, *, caller: str, app_slug: str = "", is_throttled: bool = True) -> str:
        """Make a key for the caller of this name (made if missing) and return it. It cannot be read again later."""
        return self.save_new(self.model(app_slug=app_slug, is_throttled=is_throttled), caller=caller)

    def save_new(self, key: "ApiKey", *, caller: str) -> str:
        """Like `issue`, for a key whose limits are set."""
        key.user, is_new = User.objects.get_or_create(username=caller)
        if is_new:
            key.user.set_unusable_password()
            key.user.save(update_fields=["password"])
        plain = key.assign_secret()
        key.save(force_insert=True)
        return plain

    def revoke(self, keys: "models.QuerySet[ApiKey]", *, now: datetime) -> int:
        """End the keys that are still valid; returns how many. Servers notice within `API_KEY_CACHE_S`."""
        return keys.filter(models.Q(expiry=None) | models.Q(expiry__gt=now)).update(expiry=now)

    def of_app(self, slug: str) -> "models.QuerySet[ApiKey]":
        """The keys with this default app, for the owner of the apps to check before it deletes or renames one."""
        return self.filter(app_slug=slug)

    def note_renamed_app(self, *, old: str, new: str) -> int:
        """Keep keys attached to their app under its new slug; returns how many."""
        return self.of_app(old).update(app_slug=new)


class ApiKey(AbstractAuthToken):  # type: ignore[misc]  # knox has no type information
    """A server's credential, stored as a hash: `Authorization: Bearer <key>`."""

    # Knox takes the digest for the primary key, and the admin's addresses would show it to every log on the way.
    id = models.BigAutoField(primary_key=True)
    digest = models.CharField(max_length=CONSTANTS.DIGEST_LENGTH, unique=True, editable=False)

    # Knox's fields, with names that can be translated.
    token_key = models.CharField(
        _("beginning of the key"),
        max_length=CONSTANTS.MAXIMUM_TOKEN_PREFIX_LENGTH + CONSTANTS.TOKEN_KEY_LENGTH,
        db_index=True,
    )
    user = models.ForeignKey(User, verbose_name=_("caller"), on_delete=models.CASCADE, related_name="auth_token_set")
    created = models.DateTimeField(_("created at"), auto_now_add=True)
    expiry = models.DateTimeField(_("ends at"), null=True, blank=True)

    # Not a foreign key: the ground floor knows no job's tables. A request that names no app belongs to this one;
    # empty: to none.
    app_slug = models.CharField(_("default app"), max_length=50, blank=True, default="")
    is_throttled = models.BooleanField(_("rate limited"), default=True)
    allowed_models = ArrayField(
        models.CharField(max_length=100),
        verbose_name=_("allowed chat models"),
        default=list,
        blank=True,
        help_text=_("Comma separated; empty: all of them"),
    )

    requests_per_minute = models.PositiveIntegerField(_("requests per minute"), null=True, blank=True)
    concurrent_streams = models.PositiveIntegerField(_("concurrent streams"), null=True, blank=True)
    tokens_per_day = models.PositiveIntegerField(_("tokens per day"), null=True, blank=True)

    objects = ApiKeyManager()

    class Meta:
        verbose_name = _("API key")
        verbose_name_plural = _("API keys")

    def __str__(self) -> str:
        return f"{self.user} · {self.token_key}…"

    def assign_secret(self) -> str:
        """Give the unsaved key its hash and return the plain key, which exists nowhere else."""
        self.digest, plain = get_digest_token()
        self.token_key = plain[: CONSTANTS.TOKEN_KEY_LENGTH]
        return str(plain)

    @property
    def is_usable(self) -> bool:
        return not self.is_expired and bool(self.user.is_active)

    @property
    def credential(self) -> Credential:
        """What a caller with this key may do. One query for the id of its app, if it has one.

        Raises: UnknownApp, if its app no longer exists. A key without an app sees the rows of all apps.
        """
        return Credential(
            name=self.token_key,
            caller_id=self.user_id,
            app_id=apps.id_of(self.app_slug) if self.app_slug else None,
            is_throttled=self.is_throttled,
            allowed_models=tuple(self.allowed_models),
            requests_per_minute=self.requests_per_minute,
            concurrent_streams=self.concurrent_streams,
            tokens_per_day=self.tokens_per_day,
        )

    @property
    def is_expired(self) -> bool:
        return self.expiry is not None and self.expiry <= timezone.now()
