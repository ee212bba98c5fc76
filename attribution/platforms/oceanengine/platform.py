"""Ocean Engine's implementation of the door `Platform`."""

from datetime import datetime

from django.utils.translation import gettext_lazy as _

from attribution.platforms.http import Reply, Timeouts
from attribution.platforms.oceanengine import ads, authentication, clicks, reports, wire, words
from attribution.platforms.oceanengine.cost_report import OceanEngineCosts
from attribution.platforms.oceanengine.query import OceanEngineQuery
from attribution.platforms.platform import Ad, AdLevel, MonitoredClick, Platform, UserEvent


class OceanEngine(Platform):
    name = _("Ocean Engine")
    event_words = words.EVENT_TYPES
    event_titles = words.EVENT_TITLES
    event_numbers = words.EVENT_NUMBERS
    os_numbers = words.OS_NUMBERS
    device_id_fields = words.DEVICE_ID_FIELDS
    personal_fields = words.PERSONAL_FIELDS
    deduplicates = True  # by outer_event_id
    app_tokens = authentication.TOKENS
    code_meanings = words.CODE_MEANINGS
    query = OceanEngineQuery()
    cost_source = OceanEngineCosts()
    link_macros = clicks.LINK_MACROS
    view_link_macros = clicks.VIEW_LINK_MACROS
    click_answers = clicks.ANSWERS

    @property
    def timeouts(self) -> Timeouts:
        return wire.timeouts()

    def read_click(self, query: str, *, received_at: datetime) -> MonitoredClick:
        return clicks.read(query, received_at=received_at)

    def report(self, event: UserEvent) -> str:
        return reports.body(event).decode()

    def send(self, report: str) -> Reply:
        return reports.send(report.encode())

    def ad_levels(self, ad: Ad) -> list[AdLevel]:
        return ads.levels(ad)
