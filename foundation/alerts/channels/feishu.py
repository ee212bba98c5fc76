"""Feishu's (and Lark's) custom robot of a group.

Reference: 自定义机器人使用指南, https://open.feishu.cn/document/client-docs/bot-v3/add-custom-bot
A body of at most 20 KB, 100 messages a minute and 5 a second (11232 beyond); times within an hour. The signature is
odd: time and secret are the HMAC's *key*, and nothing is signed.
"""

import base64
import hmac
from datetime import datetime

from django.utils.translation import gettext_lazy as _

from foundation.alerts.channels import posting
from foundation.alerts.channels.channel_kind import Address, ChannelKind, Message

ACCEPTED = 0
THROTTLED = 11232


def signature(secret: str, timestamp: int) -> str:
    return base64.b64encode(hmac.digest(f"{timestamp}\n{secret}".encode(), b"", "sha256")).decode()


def send(address: Address, message: Message, now: datetime) -> str:
    timestamp = int(now.timestamp())
    signed = {"timestamp": str(timestamp), "sign": signature(address.secret, timestamp)} if address.secret else {}
    answer = posting.post_json(address.url, signed | {"msg_type": "text", "content": {"text": message.text}})
    code = posting.code_of(answer, "code")
    if code != ACCEPTED:
        raise posting.refused(answer, is_throttled=code == THROTTLED)
    return answer.short


KIND = ChannelKind(slug="feishu", title=_("Feishu robot"), send=send, max_bytes=16_000, signs=True)
