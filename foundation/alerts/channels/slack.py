"""Slack's incoming webhooks.

Reference: https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks (2026-11). No signature; the
address is the secret. Errors are HTTP statuses with a word in the body. `&`, `<` and `>` are markup:
https://docs.slack.dev/messaging/formatting-message-text
"""

from datetime import datetime

from django.utils.translation import gettext_lazy as _

from foundation.alerts.channels import posting
from foundation.alerts.channels.channel_kind import Address, ChannelKind, Message

_ESCAPED = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def send(address: Address, message: Message, now: datetime) -> str:
    answer = posting.post_json(address.url, {"text": message.text.translate(_ESCAPED)})
    if answer.text.strip() != "ok":
        raise posting.refused(answer)
    return answer.short


KIND = ChannelKind(slug="slack", title=_("Slack webhook"), send=send, max_bytes=30_000)
