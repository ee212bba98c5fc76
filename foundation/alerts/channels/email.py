"""E-mail, by Django's mail and the settings `EMAIL_*`."""

from datetime import datetime
from smtplib import SMTPException

from django.conf import settings
from django.core.mail import EmailMessage
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from foundation.alerts.channels.channel_kind import Address, ChannelKind, Message, NotSentError


def send(address: Address, message: Message, now: datetime) -> str:
    if not settings.EMAIL_HOST:
        raise NotSentError(_t("EMAIL_HOST is not set: the server has no way to send e-mail."))
    try:
        EmailMessage(
            " ".join(message.title.split()),  # a line break would begin another header
            message.text,
            to=list(address.recipients),
            headers={"X-Rivermouth-Alert": message.id},
        ).send()
    except (SMTPException, OSError, ValueError) as err:
        raise NotSentError(f"{type(err).__name__}: {err}"[:500]) from err
    return _t("taken by %(host)s") % {"host": settings.EMAIL_HOST}


KIND = ChannelKind(slug="email", title=_("E-mail"), send=send, max_bytes=100_000, is_email=True)
