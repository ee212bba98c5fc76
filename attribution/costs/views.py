"""`POST /api/costs/`: ad costs of platforms without an import."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from attribution.costs import storage
from attribution.costs.serializers import CostReceiptSerializer, CostSerializer, read
from attribution.models import AdCost
from foundation.access.views import IsServer

MAX_COSTS = 500


class Costs(APIView):
    permission_classes = [IsServer]

    @extend_schema(request=CostSerializer(many=True), responses={202: CostReceiptSerializer(many=True)})
    def post(self, request: Request) -> Response:
        """Post the costs of ads, in a list of up to 500 items; 202 means that the valid items are on disk.

        An item replaces the earlier cost of the same platform, day, advertiser, campaign and ad. In the answer, an
        invalid item has `{"error": {field: […]}}` in its place; it does not affect the other items.
        """
        read_items = [_read(item) for item in _items(request)]
        good = [fields for fields in read_items if not _is_refused(fields)]
        storage.replace(good, source=AdCost.Source.API, now=timezone.now())
        return Response(_receipts(read_items), status=status.HTTP_202_ACCEPTED)


def _items(request: Request) -> list[Any]:
    items = request.data
    if not isinstance(items, list) or not 0 < len(items) <= MAX_COSTS:
        raise ValidationError({"costs": [f"A list of 1 to {MAX_COSTS} items is expected."]})
    return items


def _read(item: Any) -> dict[str, Any]:
    """The fields of the row, or `{"error": …}`."""
    try:
        return read(item)
    except ValidationError as err:
        is_by_field = isinstance(err.detail, dict)
        return {"error": err.detail if is_by_field else {"non_field_errors": err.detail}}


def _is_refused(fields: dict[str, Any]) -> bool:
    return "error" in fields


def _receipts(read_items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    last = {storage.key_of(fields): place for place, fields in enumerate(read_items) if not _is_refused(fields)}
    return [
        fields
        if _is_refused(fields)
        else {"status": "stored" if last[storage.key_of(fields)] == place else "superseded"}
        for place, fields in enumerate(read_items)
    ]
