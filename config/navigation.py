"""The admin's sidebar: the pages that people need, most wanted first. Apps are known here by URL name only."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse_lazy
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True, kw_only=True)
class Page:
    """One line of the sidebar.

    `address`: a URL name. `permission`: what a person needs to see the line; "": nothing. `setting`: the line is there
    as long as this setting is on; "": always.
    """

    title: Promise
    icon: str
    address: str
    permission: str = ""
    setting: str = ""

    @property
    def is_there(self) -> bool:
        return not self.setting or getattr(settings, self.setting)

    def may_be_opened(self, request: HttpRequest) -> bool:
        return not self.permission or request.user.has_perm(self.permission)


def _rows(title: Promise, icon: str, model: str) -> Page:
    """The list of a model, for anyone who may view it; `model` is `<app>_<model>`."""
    app, _underscore, name = model.partition("_")
    return Page(title=title, icon=icon, address=f"admin:{model}_changelist", permission=f"{app}.view_{name}")


# A title and its pages. The first group has no title.
GROUPS: Sequence[tuple[Promise | None, Sequence[Page]]] = (
    (
        None,
        (
            Page(title=_("Dashboard"), icon="dashboard", address="admin:index"),
            Page(
                title=_("Statistics"),
                icon="monitoring",
                address="statistics",
                permission="attribution.view_conversion",
            ),
        ),
    ),
    (
        _("Attribution"),
        (
            _rows(_("Send records"), "send", "attribution_conversion"),
            Page(
                title=_("Not delivered, and why"),
                icon="running_with_errors",
                address="admin:attribution_conversion_not_delivered",
                permission="attribution.view_conversion",
            ),
            Page(
                title=_("Joint debugging"),
                icon="bug_report",
                address="admin:attribution_conversion_testing",
                permission="attribution.view_conversion",
            ),
            _rows(_("Clicks"), "ads_click", "attribution_click"),
            Page(
                title=_("Suspicious clicks"),
                icon="policy",
                address="suspicious",
                permission="attribution.view_click",
            ),
            _rows(_("Attributions"), "conversion_path", "attribution_attribution"),
            _rows(_("Ad costs"), "receipt_long", "attribution_adcost"),
            _rows(_("Destinations"), "hub", "attribution_destination"),
            _rows(_("Apps"), "smartphone", "attribution_app"),
        ),
    ),
    (
        _("Chat streaming"),
        (
            _rows(_("Chat completions"), "forum", "streaming_completion"),
            Page(
                title=_("Conversations"),
                icon="chat",
                address="admin:streaming_conversation_changelist",
                permission="streaming.read_text",
                setting="CHAT_STORE_TEXT",
            ),
            _rows(_("Usage and cost"), "payments", "streaming_usagehour"),
            _rows(_("Models"), "neurology", "streaming_chatmodel"),
            _rows(_("Routes"), "route", "streaming_route"),
            _rows(_("Providers"), "dns", "streaming_provider"),
        ),
    ),
    (
        _("Alerts"),
        (
            _rows(_("Incidents"), "warning", "alerts_incident"),
            _rows(_("Rules"), "rule", "alerts_rule"),
            _rows(_("Channels"), "campaign", "alerts_channel"),
            _rows(_("Messages sent"), "outgoing_mail", "alerts_notice"),
        ),
    ),
    (
        _("Access"),
        (
            _rows(_("API keys"), "key", "access_apikey"),
            _rows(_("Users"), "person", "auth_user"),
            _rows(_("Groups"), "group", "auth_group"),
        ),
    ),
)


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    """unfold's `SIDEBAR["navigation"]`: each person sees only the pages that they may open."""
    groups = [_group(request, title, pages) for title, pages in GROUPS]
    _mark_open(request, [item for group in groups for item in group["items"]])
    return groups


def _group(request: HttpRequest, title: Promise | None, pages: Sequence[Page]) -> dict[str, Any]:
    items = [_item(request, page) for page in pages if page.is_there]
    return {"title": title, "separator": title is not None, "items": items}


def _item(request: HttpRequest, page: Page) -> dict[str, Any]:
    may_open = page.may_be_opened(request)
    link = reverse_lazy(page.address)
    return {"title": page.title, "icon": page.icon, "link": link, "permission": lambda _request: may_open}


def _mark_open(request: HttpRequest, items: list[dict[str, Any]]) -> None:
    """Mark one item only: unfold itself would also mark a list whose address another item's page extends."""
    index = str(reverse_lazy("admin:index"))
    links = [str(item["link"]) for item in items]
    above = [link for link in links if request.path == link or (link != index and request.path.startswith(link))]
    for item, link in zip(items, links, strict=True):
        item["active"] = link == max(above, key=len, default=None)
