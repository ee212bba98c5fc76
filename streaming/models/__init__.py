"""The facts and transitions of single rows; of the other rooms it imports only the catalogue's dialects.

Operations on several rows live in the folder of their subject.
"""

from streaming.models.completions import Completion, ServerProcess
from streaming.models.conversations import Conversation, Message
from streaming.models.routes import ChatModel, Provider, Route
from streaming.models.usage import UsageHour, UsageNote

__all__ = [
    "ChatModel", "Completion", "Conversation", "Message", "Provider", "Route", "ServerProcess",
    "UsageHour", "UsageNote",
]  # fmt: skip
