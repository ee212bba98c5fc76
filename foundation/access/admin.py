"""Users, groups and API keys in the admin. A key is made here, shown once, and ends by revocation."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, User
from django.contrib.postgres.fields import ArrayField
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.cache import add_never_cache_headers
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from foundation.access.models import ApiKey
from foundation.hooks import apps

admin.site.unregister(User)
admin.site.unregister(Group)


@admin.register(User)
class UserAdmin(DjangoUserAdmin, ModelAdmin):  # type: ignore[type-arg]  # not subscriptable at runtime
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, ModelAdmin):
    pass


class NewKeyForm(forms.ModelForm):  # type: ignore[type-arg]  # not subscriptable at runtime
    """A new key for a caller by name, like `manage.py issue_key`."""

    caller = forms.CharField(
        label=capfirst(_("caller")),
        max_length=150,
        validators=[User.username_validator],
        help_text=_("Who will use it. A new caller of this name is created if it does not exist yet."),
        widget=UnfoldAdminTextInputWidget(),
    )


@admin.register(ApiKey)
class ApiKeyAdmin(ModelAdmin):
    list_display = ["token_key", "user", "app_slug", "state", "is_throttled", "created", "expiry"]
    list_filter = ["app_slug", "is_throttled"]
    search_fields = ["token_key", "user__username"]
    list_select_related = ["user"]
    readonly_fields = ["user", "token_key", "created"]
    actions = ["revoke"]
    compressed_fields = True
    formfield_overrides = {ArrayField: {"widget": UnfoldAdminTextInputWidget}}
    limits = [
        "app_slug",
        "is_throttled",
        "requests_per_minute",
        "concurrent_streams",
        "tokens_per_day",
        "allowed_models",
    ]

    @display(description=_("state"), label={"usable": "success", "ended": "danger"})
    def state(self, key: ApiKey) -> tuple[str, Any]:
        return ("usable", _("usable")) if key.is_usable else ("ended", _("ended"))

    @admin.action(description=_("Revoke"), permissions=["change"])
    def revoke(self, request: HttpRequest, keys: QuerySet[ApiKey]) -> None:
        count = ApiKey.objects.revoke(keys, now=timezone.now())
        text = ngettext("%d key is revoked.", "%d keys are revoked.", count) % count
        self.message_user(request, text, messages.SUCCESS if count else messages.WARNING)

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "app_slug":
            return forms.ChoiceField(
                label=capfirst(db_field.verbose_name), choices=_apps, required=False, widget=UnfoldAdminSelectWidget
            )
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def get_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> tuple[str, ...]:
        who = ["caller"] if obj is None else ["user", "token_key", "created"]
        return (*who, *self.limits, "expiry")

    def get_form(self, request: HttpRequest, obj: ApiKey | None = None, change: bool = False, **kwargs: Any) -> Any:
        if obj is None:
            kwargs["form"] = NewKeyForm
        return super().get_form(request, obj, change, **kwargs)

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:
        if change:
            super().save_model(request, obj, form, change)
        else:
            request.issued_key = ApiKey.objects.save_new(obj, caller=form.cleaned_data["caller"])  # type: ignore[attr-defined]  # for response_add

    def response_add(self, request: HttpRequest, obj: ApiKey, post_url_continue: str | None = None) -> HttpResponse:
        """Show the secret in the answer itself: in a message it would travel through a cookie."""
        context = {
            **self.admin_site.each_context(request),
            "title": _("The new API key"),
            "opts": self.opts,
            "key": obj,
            "secret": request.issued_key,  # type: ignore[attr-defined]  # set by save_model
        }
        response = TemplateResponse(request, "admin/access/apikey/issued.html", context)
        add_never_cache_headers(response)
        return response


def _apps() -> list[tuple[str, str]]:
    return [("", "---------"), *((slug, slug) for slug in apps.slugs())]
