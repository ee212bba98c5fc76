"""The phones of testers, whose events are joint debugging."""

from typing import Any

from django import forms
from django.contrib import admin
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin

from attribution.devices.device_ids import is_absent
from attribution.models import DebugDevice


class DebugDeviceForm(forms.ModelForm):  # type: ignore[type-arg]  # django-stubs' class is not generic at run time
    device_id = forms.CharField(
        label=_("device id"),
        required=False,
        max_length=128,
        help_text=_("OAID, Android id, IMEI, IDFV, IDFA or CAID of a tester's phone. Kept encrypted."),
    )

    class Meta:
        model = DebugDevice
        fields = ["app", "name"]

    def clean_device_id(self) -> str:
        device_id: str = self.cleaned_data["device_id"].strip()
        if is_absent(device_id) and (device_id or not self.instance.pk):
            raise forms.ValidationError(_("This is not a device id."))
        return device_id

    def save(self, commit: bool = True) -> Any:
        if self.cleaned_data.get("device_id"):
            self.instance.write_id(self.cleaned_data["device_id"])
        return super().save(commit)


@admin.register(DebugDevice)
class DebugDeviceAdmin(ModelAdmin):
    form = DebugDeviceForm
    list_display = ["name_or_id", "app", "known"]
    list_select_related = ["app"]
    fields = ["app", "name", "device_id", "known"]
    readonly_fields = ["known"]
    ordering = ["app", "pk"]

    @admin.display(description=_("name"))
    def name_or_id(self, row: DebugDevice) -> str:
        return str(row)

    @admin.display(description=_("device id, masked"))
    def known(self, row: DebugDevice) -> str:
        return row.masked_id or "–"
