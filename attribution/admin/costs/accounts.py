"""Connected accounts, the authorisations that opened them, and the log of their imports."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.decorators import display

from attribution.admin.costs import tools
from attribution.admin.pages.formats import moment
from attribution.costs.amounts import yuan_of
from attribution.models import Authorisation, CostAccount, CostImport
from attribution.platforms import registry
from foundation.admin_lists import ReadOnly, Uncounted

TONES = {"good": "success", "lost": "danger", "failed": "danger", "going_on": "info", "killed": "warning"}


class WithTools(ModelAdmin):
    list_before_template = "admin/costs/tools.html"

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        return super().changelist_view(request, (extra_context or {}) | tools.of(request))


@admin.register(CostAccount)
class CostAccountAdmin(WithTools):
    list_display = [
        "name_or_id",
        "advertiser_id",
        "platform_name",
        "is_enabled",
        "access",
        "imported",
        "next",
        "problem",
    ]
    list_filter = ["is_enabled"]
    search_fields = ["name", "=advertiser_id"]
    list_select_related = ["authorisation"]
    ordering = ["platform", "name", "advertiser_id"]
    fields = ["platform_name", "advertiser_id", "name", "is_enabled", "imported_at", "due_at", "problem"]
    readonly_fields = ["platform_name", "advertiser_id", "name", "imported_at", "due_at", "problem"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """They come with an authorisation."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """One that is deleted would come back within a day: switch it off."""
        return False

    @admin.display(description=_("name"))
    def name_or_id(self, account: CostAccount) -> str:
        return str(account)

    @admin.display(description=_("platform"))
    def platform_name(self, account: CostAccount) -> str:
        return registry.name_of(account.platform)

    @display(description=_("authorisation"), label=TONES)
    def access(self, account: CostAccount) -> tuple[str, Any]:
        return ("lost", _("authorise again")) if account.authorisation.lost_because else ("good", _("valid"))

    @admin.display(description=_("last imported at"))
    def imported(self, account: CostAccount) -> str | None:
        return moment(account.imported_at)

    @admin.display(description=_("next import"))
    def next(self, account: CostAccount) -> str | None:
        return moment(account.due_at) if account.is_enabled else None


@admin.register(Authorisation)
class AuthorisationAdmin(WithTools):
    """To be looked at, and to be deleted with its accounts, which is how one disconnects."""

    list_display = [
        "platform_name",
        "kind",
        "authorised",
        "authorised_by",
        "access",
        "again_by",
        "accounts_read",
        "lost_because",
    ]
    list_display_links = ["authorised"]
    list_select_related = ["authorised_by"]
    ordering = ["-authorised_at"]
    fields = ["platform_name", "kind", "authorised_by", "authorised_at", "again_by", "accounts_read_at", "lost_because"]
    readonly_fields = ["platform_name", "again_by"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """They come from the platform's page."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Accounts and their log go along: that they can't be deleted one by one does not matter here."""
        found, counts, _forbidden, protected = super().get_deleted_objects(objs, request)
        return found, counts, set(), protected

    @admin.display(description=_("platform"))
    def platform_name(self, row: Authorisation) -> str:
        return registry.name_of(row.platform)

    @display(description=_("authorisation"), label=TONES)
    def access(self, row: Authorisation) -> tuple[str, Any]:
        return ("lost", _("authorise again")) if row.lost_because else ("good", _("valid"))

    @admin.display(description=_("authorised at"))
    def authorised(self, row: Authorisation) -> str | None:
        return moment(row.authorised_at)

    @admin.display(description=_("has to be authorised again by"))
    def again_by(self, row: Authorisation) -> str | None:
        return moment(row.refresh_expires_at)

    @admin.display(description=_("accounts read at"))
    def accounts_read(self, row: Authorisation) -> str | None:
        return moment(row.accounts_read_at)


@admin.register(CostImport)
class CostImportAdmin(ReadOnly, Uncounted, WithTools):
    list_display = ["began", "account", "since", "until", "outcome", "ads", "changed", "problem", "note"]
    list_display_links = None
    search_fields = ["=account__advertiser_id"]
    search_help_text = _("Id of an advertiser")
    list_select_related = ["account"]
    ordering = ["-began_at"]
    show_facets = admin.ShowFacets.NEVER

    @admin.display(description=_("began at"))
    def began(self, row: CostImport) -> str | None:
        return moment(row.began_at)

    @display(description=_("outcome"), label=TONES)
    def outcome(self, row: CostImport) -> tuple[str, Any]:
        if row.finished_at:
            return ("failed", _("failed")) if row.problem else ("good", _("done"))
        is_owned = row.account.claimed_until and row.account.claimed_until > timezone.now()
        return ("going_on", _("going on")) if is_owned else ("killed", _("interrupted"))

    @admin.display(description=_("what changed"))
    def changed(self, row: CostImport) -> str:
        shown = [f"{each['day']}: ¥{yuan_of(each['before'])} → ¥{yuan_of(each['after'])}" for each in row.changes]
        return "; ".join(shown) or "–"
