"""The admin's sidebar: the pages that people need, most wanted first. Apps are known here by URL name only."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse_lazy
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    """unfold's `SIDEBAR["navigation"]`: each person sees only the pages that they may open."""
    groups: list[dict[str, Any]] = [
        {
            "items": [
                _page(request, _("Dashboard"), "dashboard", "admin:index"),
                _page(request, _("Statistics"), "monitoring", "statistics", "attribution.view_conversion"),
            ]
        },
        {
            "title": _("Attribution"),
            "separator": True,
            "items": [
                _rows(request, _("Send records"), "send", "attribution_conversion"),
                _page(
                    request,
                    _("Not delivered, and why"),
                    "running_with_errors",
                    "admin:attribution_conversion_not_delivered",
                    "attribution.view_conversion",
                ),
                _rows(request, _("Clicks"), "ads_click", "attribution_click"),
                _rows(request, _("Attributions"), "conversion_path", "attribution_attribution"),
                _rows(request, _("Ad costs"), "receipt_long", "attribution_adcost"),
                _rows(request, _("Destinations"), "hub", "attribution_destination"),
                _rows(request, _("Apps"), "smartphone", "attribution_app"),
            ],
        },
        {
            "title": _("Chat streaming"),
            "separator": True,
            "items": [
                _rows(request, _("Chat completions"), "forum", "streaming_completion"),
                *_conversations(request),
                _rows(request, _("Usage and cost"), "payments", "streaming_usagehour"),
                _rows(request, _("Models"), "neurology", "streaming_chatmodel"),
                _rows(request, _("Routes"), "route", "streaming_route"),
                _rows(request, _("Providers"), "dns", "streaming_provider"),
            ],
        },
        {
            "title": _("Alerts"),
            "separator": True,
            "items": [
                _rows(request, _("Incidents"), "warning", "alerts_incident"),
                _rows(request, _("Rules"), "rule", "alerts_rule"),
                _rows(request, _("Channels"), "campaign", "alerts_channel"),
                _rows(request, _("Messages sent"), "outgoing_mail", "alerts_notice"),
            ],
        },
        {
            "title": _("Access"),
            "separator": True,
            "items": [
                _rows(request, _("API keys"), "key", "access_apikey"),
                _rows(request, _("Users"), "person", "auth_user"),
                _rows(request, _("Groups"), "group", "auth_group"),
            ],
        },
    ]
    _mark_open(request, [item for group in groups for item in group["items"]])
    return groups


def _mark_open(request: HttpRequest, items: list[dict[str, Any]]) -> None:
    """Mark one item only: unfold itself would also mark a list whose address another item's page extends."""
    index = str(reverse_lazy("admin:index"))
    links = [str(item["link"]) for item in items]
    above = [link for link in links if request.path == link or (link != index and request.path.startswith(link))]
    for item, link in zip(items, links, strict=True):
        item["active"] = link == max(above, key=len, default=None)


def _conversations(request: HttpRequest) -> list[dict[str, Any]]:
    """The list of conversations, as long as their texts are stored."""
    title, address = _("Conversations"), "admin:streaming_conversation_changelist"
    return [_page(request, title, "chat", address, "streaming.read_text")] if settings.CHAT_STORE_TEXT else []


def _rows(request: HttpRequest, title: Promise, icon: str, model: str) -> dict[str, Any]:
    """The list of a model, for anyone who may view it; `model` is `<app>_<model>`."""
    app, _underscore, name = model.partition("_")
    return _page(request, title, icon, f"admin:{model}_changelist", f"{app}.view_{name}")


def _page(request: HttpRequest, title: Promise, icon: str, address: str, permission: str = "") -> dict[str, Any]:
    may_open = not permission or request.user.has_perm(permission)
    return {"title": title, "icon": icon, "link": reverse_lazy(address), "permission": lambda _request: may_open}
