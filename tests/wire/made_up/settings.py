"""The product's settings, and the one line that makes the provider known."""

from config.settings import *  # noqa: F403
from config.settings import CHAT_DIALECTS

CHAT_DIALECTS = {**CHAT_DIALECTS, "parley": "tests.wire.made_up.dialect.DIALECT"}
