"""Network addresses and user agents, which are compared if a device gave no id."""

import re
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address

_MODEL_BUILD = re.compile(r"\s+build/.*")
_LOCALE = re.compile(r"[a-z]{2}[-_][a-z]{2}")


def parse_address(value: str) -> Address:
    """Raises: ValueError."""
    address = ip_address(value)
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


def network_identity(address: Address, user_agent: str) -> str:
    """The address, plus the system and the model from the user agent.

    The user agents of one phone's browser, web view and HTTP library share only the parentheses, and not all of those:
    `Dalvik/2.1.0 (Linux; U; Android 13; M2012K11AC Build/TKQ1)` and
    `Mozilla/5.0 (Linux; Android 13; M2012K11AC Build/TKQ1; wv) AppleWebKit/…` both give `android 13|m2012k11ac`.
    """
    inside = user_agent.lower().partition("(")[2].partition(")")[0]
    words = (_MODEL_BUILD.sub("", word.strip()) for word in inside.split(";"))
    telling = [word for word in words if word not in {"", "linux", "u", "wv"} and not _LOCALE.fullmatch(word)]
    return f"{address}\n{'|'.join(telling) or user_agent.strip().lower()}"
