"""The product's settings, and the one line that makes the platform known; the other one is its own setting."""

from config.settings import *  # noqa: F403
from config.settings import ATTRIBUTION_PLATFORMS

ATTRIBUTION_PLATFORMS = {**ATTRIBUTION_PLATFORMS, "billboard": "tests.platforms.made_up.platform.Billboard"}
BILLBOARD_ORIGINS = ["https://callback.billboard.example"]
