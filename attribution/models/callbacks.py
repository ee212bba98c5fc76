"""Which activation a platform was told about with a callback."""

import uuid
from hashlib import blake2b

from django.db import models

from attribution.models.conversions import Conversion


class CallbackUse(models.Model):
    """An activation that is reported with a callback. The key is made of app, platform and callback.

    One phone with two user ids has one callback: without this row, two workers at once would each report an activation.
    """

    id = models.UUIDField(primary_key=True, editable=False)
    conversion = models.ForeignKey(Conversion, on_delete=models.CASCADE, related_name="+")

    def __str__(self) -> str:
        return str(self.id)

    @staticmethod
    def key(app_id: int, platform: str, callback: str) -> uuid.UUID:
        digest = blake2b("\x1f".join([str(app_id), platform, callback]).encode(), digest_size=16)
        return uuid.UUID(bytes=digest.digest())
