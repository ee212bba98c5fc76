"""DingTalk's custom robot of a group.

Reference: 自定义机器人接入, 自定义机器人安全设置, https://open.dingtalk.com/document/robots/custom-robot-access
Time and signature travel in the address; the time is in milliseconds, within an hour. After more than 20 messages in a
minute nothing is accepted for ten minutes (130101).
"""

import base64
import hmac
from datetime import datetime
from urllib.parse import urlencode

from django.utils.translation import gettext_lazy as _

from foundation.alerts.channels import posting
from foundation.alerts.channels.channel_kind import Address, ChannelKind, Message

ACCEPTED = 0
THROTTLED = 130101


def signature(secret: str, timestamp_ms: int) -> str:
    return base64.b64encode(hmac.digest(secret.encode(), f"{timestamp_ms}\n{secret}".encode(), "sha256")).decode()


def send(address: Address, message: Message, now: datetime) -> str:
    answer = posting.post_json(_signed(address, now), {"msgtype": "text", "text": {"content": message.text}})
    code = posting.code_of(answer, "errcode")
    if code != ACCEPTED:
        raise posting.refused(answer, is_throttled=code == THROTTLED)
    return answer.short


def _signed(address: Address, now: datetime) -> str:
    if not address.secret:
        return address.url
    timestamp_ms = int(now.timestamp() * 1000)
    query = urlencode({"timestamp": timestamp_ms, "sign": signature(address.secret, timestamp_ms)})
    return f"{address.url}{'&' if '?' in address.url else '?'}{query}"


KIND = ChannelKind(slug="dingtalk", title=_("DingTalk robot"), send=send, max_bytes=16_000, signs=True)
