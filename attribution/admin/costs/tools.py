"""The buttons above the lists about costs: each person's own."""

from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from attribution.admin.costs import connect, upload
from attribution.costs import sources


def of(request: HttpRequest) -> dict[str, Any]:
    """The context of `admin/costs/tools.html`."""
    may = request.user.has_perm
    lists = [
        ("attribution.view_costaccount", _("Connected accounts"), "admin:attribution_costaccount_changelist"),
        ("attribution.view_costimport", _("Imports"), "admin:attribution_costimport_changelist"),
        ("attribution.view_authorisation", _("Authorisations"), "admin:attribution_authorisation_changelist"),
    ]
    return {
        "upload_url": reverse("cost_upload") if may(upload.PERMISSION) else "",
        "connect_urls": [
            (name, reverse("cost_connect", args=[slug]))
            for slug, name in sources.importable().items()
            if may(connect.PERMISSION)
        ],
        "list_urls": [(title, reverse(address)) for permission, title, address in lists if may(permission)],
    }
