"""A record's device ids in clear text: needs its own permission and a deliberate click, and is logged.

The entry in the admin's log (who, when, which record) is committed before anything is shown. The ids appear only
in the body of the answer, never in an address, a log or a cache.
"""

from uuid import UUID

from django.contrib import admin
from django.contrib.admin.models import CHANGE, LogEntry
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from attribution.devices.device_ids import DecryptionError
from attribution.models import Conversion

# Translated when it is displayed: people of both languages read the same history.
LOOKED = gettext_noop("Looked at the device ids.")
PERMISSIONS = ["attribution.view_conversion", "attribution.unmask_device"]


@never_cache
@require_POST
def page(request: HttpRequest, conversion_id: UUID) -> TemplateResponse:
    """`POST /admin/attribution/conversion/<id>/unmask/`"""
    if not request.user.has_perms(PERMISSIONS):
        raise PermissionDenied
    conversion = get_object_or_404(Conversion, pk=conversion_id)
    LogEntry.objects.log_actions(
        user_id=request.user.pk or 0,  # never 0: a user with permissions has a row
        queryset=[conversion],
        action_flag=CHANGE,
        change_message=LOOKED,
        single_object=True,
    )
    context = {
        **admin.site.each_context(request),
        "title": _("Device ids"),
        "conversion": conversion,
        "opts": Conversion._meta,
        "device_ids": _readable(conversion),
    }
    return TemplateResponse(request, "admin/attribution/conversion/unmasked.html", context)


def _readable(conversion: Conversion) -> dict[str, str] | None:
    """None: the key that they were encrypted with is missing."""
    try:
        return conversion.device_ids
    except DecryptionError:
        return None
