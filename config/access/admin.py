"""API keys in the admin: made here, shown once, revoked by deletion."""

from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, User
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from config.access.models import ApiKey

admin.site.unregister(User)
admin.site.unregister(Group)


@admin.register(User)
class UserAdmin(DjangoUserAdmin, ModelAdmin):  # type: ignore[misc, type-arg]  # unfold has no type information
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, ModelAdmin):  # type: ignore[misc]  # unfold has no type information
    pass


@admin.register(ApiKey)
class ApiKeyAdmin(ModelAdmin):  # type: ignore[misc]  # unfold has no type information
    list_display = ["token_key", "user", "app", "is_throttled", "created", "expiry"]
    list_filter = ["app", "is_throttled"]
    search_fields = ["token_key", "user__username"]
    list_select_related = ["user", "app"]
    fields = [
        "user",
        "app",
        "is_throttled",
        "requests_per_minute",
        "concurrent_streams",
        "tokens_per_day",
        "allowed_models",
        "expiry",
    ]
    autocomplete_fields = ["user"]

    def save_model(self, request: HttpRequest, obj: ApiKey, form: ModelForm, change: bool) -> None:  # type: ignore[type-arg]
        if change:
            super().save_model(request, obj, form, change)
            return
        plain = obj.assign_secret()
        super().save_model(request, obj, form, change)
        messages.warning(request, _("The key, shown only now: %(key)s") % {"key": plain})
