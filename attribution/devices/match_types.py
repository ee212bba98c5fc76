"""How a device came into touch with an ad. The words are those of the API and of the database."""

from enum import StrEnum


class MatchType(StrEnum):
    """From the strongest to the weakest: a click wins over a play, and a play over an impression."""

    CLICK = "click"
    # An effective play (有效播放): how long a video must have been watched is the platform's decision.
    PLAY = "play"
    IMPRESSION = "impression"
