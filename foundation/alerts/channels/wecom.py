"""WeCom's (企业微信) robot of a group.

Reference: 消息推送配置说明, https://developer.work.weixin.qq.com/document/path/99110 (before: path/91770)
It has no signature: the key in the address is all. A text of at most 2,048 bytes, 20 messages a minute (45009 beyond).
"""

from datetime import datetime

from django.utils.translation import gettext_lazy as _

from foundation.alerts.channels import posting
from foundation.alerts.channels.channel_kind import Address, ChannelKind, Message

ACCEPTED = 0
THROTTLED = 45009


def send(address: Address, message: Message, now: datetime) -> str:
    answer = posting.post_json(address.url, {"msgtype": "text", "text": {"content": message.text}})
    code = posting.code_of(answer, "errcode")
    if code != ACCEPTED:
        raise posting.refused(answer, is_throttled=code == THROTTLED)
    return answer.short


KIND = ChannelKind(slug="wecom", title=_("WeCom robot"), send=send, max_bytes=2_048)
