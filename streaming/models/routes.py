"""Providers, the models that clients name, and the routes between them."""

from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from streaming.catalogue import dialects, vendors
from streaming.catalogue.timeouts import TimeoutFields

# Anyone who may edit providers could send these to a server of theirs and read them.
OWN_SECRETS = {
    "DATABASE_URL", "EMAIL_HOST_PASSWORD", "FIELD_ENCRYPTION_KEY", "OCEANENGINE_ACCESS_TOKEN",
    "OCEANENGINE_SIGNATURE_SECRET", "REDIS_URL", "SECRET_KEY", "USER_TOKEN_SECRET", "USER_TOKEN_SHARED_SECRETS",
}  # fmt: skip


class Provider(TimeoutFields):
    """An OpenAI-compatible service. Its key is the value of an environment variable, never stored here."""

    slug = models.SlugField(_("short name"), unique=True)
    base_url = models.URLField(_("base URL"), help_text=_("Up to the version: …/api/v3 or …/v1"))
    api_key_env = models.CharField(_("variable with the key"), max_length=100, help_text=_("For example ARK_API_KEY"))
    dialect = models.CharField(_("dialect"), max_length=16, choices=dialects.choices, default="openai")
    vendor = models.CharField(
        _("vendor"),
        max_length=16,
        choices=vendors.choices,
        blank=True,
        default="",
        db_default="",
        help_text=_("Whose error codes it uses; empty: known by the base URL, else by the short name"),
    )

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


class ChatModel(TimeoutFields):
    """A model, by the name that clients use."""

    name = models.CharField(_("name"), max_length=100, unique=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    objects = ChatModelQuerySet.as_manager()

    class Meta:
        verbose_name = _("model")
        verbose_name_plural = _("models")

    def __str__(self) -> str:
        return self.name


class Route(TimeoutFields):
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
