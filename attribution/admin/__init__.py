"""The marketers' pages, a module for each subject. What workers write is read-only; people act through actions."""

from attribution.admin.apps import AppAdmin
from attribution.admin.attributions import AttributionAdmin
from attribution.admin.bulk_actions import BulkActionAdmin
from attribution.admin.clicks import ClickAdmin
from attribution.admin.costs import AdCostAdmin, AuthorisationAdmin, CostAccountAdmin, CostImportAdmin
from attribution.admin.debug_devices import DebugDeviceAdmin
from attribution.admin.destinations import DestinationAdmin
from attribution.admin.records import ConversionAdmin

__all__ = [
    "AdCostAdmin",
    "AppAdmin",
    "AttributionAdmin",
    "AuthorisationAdmin",
    "BulkActionAdmin",
    "ClickAdmin",
    "ConversionAdmin",
    "CostAccountAdmin",
    "CostImportAdmin",
    "DebugDeviceAdmin",
    "DestinationAdmin",
]
