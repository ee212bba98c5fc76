"""The door to the places where alerts are sent: one module per kind of channel, listed here. Imports no other room.

A new kind is a module with a `ChannelKind`, and a line here.
"""

from foundation.alerts.channels import dingtalk, email, feishu, slack, webhook, wecom
from foundation.alerts.channels.channel_kind import ChannelKind

KINDS: dict[str, ChannelKind] = {
    kind.slug: kind for kind in (feishu.KIND, dingtalk.KIND, wecom.KIND, slack.KIND, email.KIND, webhook.KIND)
}
