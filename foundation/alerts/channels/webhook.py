"""A plain webhook: JSON, with the signature of Standard Webhooks, for which every language has a library.

Reference: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md (1.0). Signed is
`<id>.<time>.<body>` by HMAC-SHA256. A secret `whsec_…` is base64, any other is taken as it stands. The id stays the
same when a message is sent again, so that a receiver can tell.
"""

import base64
import binascii
import hmac
from datetime import datetime

from django.utils.translation import gettext_lazy as _

from foundation.alerts.channels import posting
from foundation.alerts.channels.channel_kind import Address, ChannelKind, Message

_PREFIX = "whsec_"


def signature(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(_key(secret), signed, "sha256")).decode()


def send(address: Address, message: Message, now: datetime) -> str:
    timestamp = int(now.timestamp())
    payload = {"title": message.title, "text": message.text, "alerts": list(message.facts)}
    body = posting.encode({"type": "rivermouth.alerts", "timestamp": now.isoformat(), "data": payload})
    headers = {"webhook-id": message.id, "webhook-timestamp": str(timestamp)}
    if address.secret:
        headers["webhook-signature"] = signature(address.secret, message.id, timestamp, body)
    return posting.post(address.url, body, headers=headers).short


def _key(secret: str) -> bytes:
    if not secret.startswith(_PREFIX):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        return secret.encode()


KIND = ChannelKind(slug="webhook", title=_("Webhook (JSON, HMAC)"), send=send, max_bytes=100_000, signs=True)
