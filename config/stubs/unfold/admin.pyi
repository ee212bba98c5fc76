from typing import Any

from django.contrib import admin

class ModelAdmin(admin.ModelAdmin[Any]):
    compressed_fields: bool
    list_before_template: str | None
    list_after_template: str | None
    list_filter_submit: bool
    list_filter_sheet: bool
    list_fullwidth: bool
    change_form_before_template: str | None
    change_form_after_template: str | None

class TabularInline(admin.TabularInline[Any, Any]): ...
