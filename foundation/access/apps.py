from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AccessConfig(AppConfig):
    name = "foundation.access"
    label = "access"
    verbose_name = _("API access")

    def ready(self) -> None:
        from foundation.access import schema  # noqa: F401, PLC0415  # registers on import, which needs the loaded apps
