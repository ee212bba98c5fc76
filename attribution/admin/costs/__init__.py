"""The pages about ad costs: what is known, where it comes from, and how it gets here."""

from attribution.admin.costs.accounts import AuthorisationAdmin, CostAccountAdmin, CostImportAdmin
from attribution.admin.costs.lists import AdCostAdmin

__all__ = ["AdCostAdmin", "AuthorisationAdmin", "CostAccountAdmin", "CostImportAdmin"]
