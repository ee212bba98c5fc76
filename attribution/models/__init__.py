"""The facts and transitions of single rows; imports no platform.

Operations on several rows live in the folder of their subject.
"""

from attribution.models.ads import AdIds
from attribution.models.apps import App, ChannelPackage, DebugDevice, new_monitor_token
from attribution.models.attributions import Attribution, EarlierAttribution
from attribution.models.authorisations import Authorisation
from attribution.models.bulk_actions import BulkAction
from attribution.models.callbacks import CallbackUse
from attribution.models.clicks import Click, ClickKey
from attribution.models.conversions import Attempt, Conversion, new_id
from attribution.models.costs import AdCost, CostAccount, CostImport, CostUpload, CreativeCost
from attribution.models.destinations import Destination
from attribution.models.event_rules import EventRule
from attribution.models.roll_ups import AdName, Change, ClickDay, CohortDay, EventDay, PayerDay, StateDay, UserDay
from attribution.models.users import Erasure, UserAlias
from attribution.models.words import CHAT, MAX_KEY_BEHAVIOUR_HOURS, Event, Os, State

__all__ = [
    "CHAT", "MAX_KEY_BEHAVIOUR_HOURS", "AdCost", "AdIds", "AdName", "App", "Attempt", "Attribution", "Authorisation",
    "BulkAction", "CallbackUse", "Change", "ChannelPackage", "Click", "ClickDay", "ClickKey", "CohortDay", "Conversion",
    "CostAccount", "CostImport", "CostUpload", "CreativeCost", "DebugDevice", "Destination", "EarlierAttribution",
    "Erasure", "Event", "EventDay", "EventRule", "Os", "PayerDay", "State", "StateDay", "UserAlias", "UserDay",
    "new_id", "new_monitor_token",
]  # fmt: skip
