"""Providers, the models that clients name, and the routes between them."""

from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from streaming.catalogue import dialects, validators, vendors
from streaming.catalogue.timeouts import TimeoutFields

# Anyone who may edit providers could send these to a server of theirs and read them.
OWN_SECRETS = {
    "DATABASE_URL", "EMAIL_HOST_PASSWORD", "FIELD_ENCRYPTION_KEY", "OCEANENGINE_ACCESS_TOKEN",
    "OCEANENGINE_SIGNATURE_SECRET", "REDIS_URL", "SECRET_KEY", "USER_TOKEN_SECRET", "USER_TOKEN_SHARED_SECRETS",
}  # fmt: skip


EMPTY_OBJECT = models.Value({}, models.JSONField())
EMPTY_LIST = models.Value([], models.JSONField())


class Provider(TimeoutFields):
    """An OpenAI-compatible service. Its key is the value of an environment variable, never stored here."""

    slug = models.SlugField(_("short name"), unique=True)
    base_url = models.CharField(
        _("base URL"),
        max_length=200,
        validators=[validators.validate_base_url],
        help_text=_("Up to the version: …/api/v3 or …/v1"),
    )
    api_key_env = models.CharField(
        _("variable with the key"),
        max_length=100,
        blank=True,
        help_text=_("For example ARK_API_KEY. Empty: the provider needs no key."),
    )
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
    proxy_env = models.CharField(
        _("variable with the proxy"),
        max_length=100,
        blank=True,
        default="",
        db_default="",
        validators=[validators.validate_proxy_env],
        help_text=_("For example LLM_PROXY. Empty: HTTPS_PROXY or HTTP_PROXY, unless NO_PROXY names the host."),
    )
    headers = models.JSONField(
        _("extra headers"),
        default=dict,
        db_default=EMPTY_OBJECT,
        blank=True,
        validators=[validators.validate_headers],
        help_text=_('Sent with every request, for example {"X-Project-Name": "app"}. Never a key.'),
    )
    send_stream_options = models.BooleanField(
        _("send stream_options"),
        default=True,
        db_default=True,
        help_text=_("Off for a provider that refuses this parameter; then it may not tell the usage of streams."),
    )

    class Meta:
        verbose_name = _("provider")
        verbose_name_plural = _("providers")

    def __str__(self) -> str:
        return self.slug

    def clean(self) -> None:
        self.headers = self.headers or {}  # an empty field of a form is None
        if self.api_key_env in OWN_SECRETS:
            raise ValidationError({"api_key_env": _("This variable is a secret of the server itself.")})


class ChatModelQuerySet(models.QuerySet["ChatModel"]):
    def with_routes(self) -> "ChatModelQuerySet":
        """Models that can be served, with their routes in order; costs one more query."""
        routes = Route.objects.select_related("provider").order_by("position")
        return self.filter(routes__isnull=False).distinct().prefetch_related(models.Prefetch("routes", routes))


class ChatModel(TimeoutFields):
    """A model, by the name that clients use."""

    class Balance(models.TextChoices):
        ORDERED = "ordered", _("in order")
        WEIGHTED = "weighted", _("by weight")

    name = models.CharField(_("name"), max_length=100, unique=True)
    balance = models.CharField(
        _("balance"),
        max_length=16,
        choices=Balance,
        default=Balance.ORDERED,
        db_default=Balance.ORDERED,
        help_text=_("Which route is asked first: always the first one, or each as often as its weight says."),
    )
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
    weight = models.PositiveSmallIntegerField(
        _("weight"),
        default=1,
        db_default=1,
        blank=True,
        help_text=_("Share of the chats if the model's balance is by weight. 0: only if the others fail."),
    )
    # None: no limit.
    rpm = models.PositiveIntegerField(
        _("requests per minute"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text=_("At most so many over all server processes; then the next route. Empty: no limit."),
    )
    tpm = models.PositiveIntegerField(
        _("tokens per minute"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text=_("Likewise."),
    )
    tpm_ramp_percent = models.PositiveSmallIntegerField(
        _("growth in three minutes, %"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text=_("How much faster than three minutes ago tokens may flow: Ark throttles more than 20. Empty: any."),
    )
    default_params = models.JSONField(
        _("default parameters"),
        default=dict,
        db_default=EMPTY_OBJECT,
        blank=True,
        validators=[validators.validate_default_params],
        help_text=_('Sent unless the client sends its own, for example {"temperature": 0.7}.'),
    )
    drop_params = models.JSONField(
        _("dropped parameters"),
        default=list,
        db_default=EMPTY_LIST,
        blank=True,
        validators=[validators.validate_drop_params],
        help_text=_('Never sent for the client, for example ["seed"]; a default of this name replaces it.'),
    )
    # `catalogue.prices` has their form. They go before the three prices below, which hold for any number of tokens.
    prices = models.JSONField(
        _("price rules"),
        default=list,
        db_default=EMPTY_LIST,
        blank=True,
        validators=[validators.validate_prices],
        help_text=_(
            'CNY per million tokens, by day and by length, for example [{"valid_from": "2026-01-01", '
            '"max_prompt_tokens": 32768, "prompt": 0.8, "cached": 0.16, "completion": 2}]. The newest day that has '
            "begun counts, then the first rule that fits."
        ),
    )
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

    def clean(self) -> None:
        # Empty fields of a form are None.
        self.weight = 1 if self.weight is None else self.weight
        self.default_params = self.default_params or {}
        self.drop_params = self.drop_params or []
