"""`/admin/costs/upload/`: a file of ad costs, looked at before it is stored."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST
from rest_framework.exceptions import ValidationError

from attribution.admin.pages import formats
from attribution.costs import sheets, sources, uploading
from attribution.costs.amounts import yuan_of
from attribution.models import AdCost

PERMISSION = "attribution.add_adcost"
PREVIEWED = 20


class UploadForm(forms.Form):
    file = forms.FileField()
    platform = forms.CharField(required=False)


def page(request: HttpRequest) -> HttpResponse:
    """GET: the form. POST: what the file holds, to be confirmed, or what is wrong with it."""
    _check(request)
    context: dict[str, Any] = {}
    if request.method == "POST":
        form = UploadForm(request.POST, request.FILES)
        context = _look_at(request, form) if form.is_valid() else {"problem": _("Choose a file.")}
    return TemplateResponse(request, "admin/costs/upload.html", _frame(request) | context)


@require_POST
def confirm(request: HttpRequest, upload_id: int) -> HttpResponseRedirect:
    """`POST /admin/costs/upload/<id>/confirm/`"""
    _check(request)
    try:
        upload = uploading.confirm(upload_id, now=timezone.now())
    except (uploading.NotConfirmableError, ValidationError):
        messages.error(request, _("This file was stored before, or waited for more than a day. Upload it again."))
        return redirect("cost_upload")
    stored = ngettext("%(rows)d row of costs is stored.", "%(rows)d rows of costs are stored.", upload.rows)
    messages.success(request, stored % {"rows": upload.rows})
    return redirect("admin:attribution_adcost_changelist")


def _check(request: HttpRequest) -> None:
    if not request.user.has_perm(PERMISSION):
        raise PermissionDenied


def _look_at(request: HttpRequest, form: UploadForm) -> dict[str, Any]:
    file = form.cleaned_data["file"]
    try:
        content = file.read(sheets.MAX_BYTES + 1)
        sheet = sheets.read(content, platform=form.cleaned_data["platform"])
    except sheets.UnreadableSheetError as err:
        return {"problem": str(err)}
    if sheet.bad_lines:
        return {"sheet": sheet, "more_errors": len(sheet.errors) == sheets.MAX_ERRORS}
    upload = uploading.keep(sheet, file_name=file.name or "", user_id=request.user.pk, now=timezone.now())
    return {
        "sheet": sheet,
        "upload": upload,
        "total": f"¥{yuan_of(upload.cost_centifen)}",
        "days": _span(sheet),
        "preview": [_row(fields) for fields in list(sheet.costs.values())[:PREVIEWED]],
        "not_shown": max(0, upload.rows - PREVIEWED),
    }


def _span(sheet: sheets.Sheet) -> str:
    days = [fields["day"] for fields in sheet.costs.values()]
    first, last = min(days), max(days)
    return f"{first} – {last}" if first != last else str(first)


def _row(fields: dict[str, Any]) -> dict[str, Any]:
    return fields | {"cost": yuan_of(fields["cost_centifen"]), "platform": sources.platforms()[fields["platform"]]}


def _frame(request: HttpRequest) -> dict[str, Any]:
    return {
        **admin.site.each_context(request),
        "title": _("Upload costs"),
        "opts": AdCost._meta,
        "platforms": sources.platforms().items(),
        "columns": ",".join(sheets.HEADINGS),
        "back_url": reverse("admin:attribution_adcost_changelist"),
        "limits": {"mebibytes": sheets.MAX_BYTES >> 20, "lines": formats.count(sheets.MAX_LINES)},
    }
