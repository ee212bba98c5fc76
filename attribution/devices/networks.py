"""Network addresses and user agents, which are compared if a device gave no id.

What is compared is a **network identity**: the address (of IPv6 its /64, since phones keep changing the rest), plus the
system, its version and the model as far as the user agent tells them. The browser, web view and HTTP library of one
phone have different user agents, and not all of these tell everything, so a click is stored under one identity and a
device is looked up under all that its click may have (`network_identities`).
"""

import re
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import NamedTuple, TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address

_NAT64 = IPv6Network("64:ff9b::/96")
_IOS = re.compile(r"iphone|ipad|ipod|\bios\b|\bdarwin/")
_IOS_VERSION = re.compile(r"(?:\biphone os|\bcpu os|\bios)[ _/]?([0-9]{1,2})(?:[._]([0-9]{1,2}))?")
_SAFARI_VERSION = re.compile(r"\bversion/([0-9]{1,2})")
_DARWIN_VERSION = re.compile(r"\bdarwin/([0-9]{1,2})")
_ANDROID_VERSION = re.compile(r"\bandroid[ /]([0-9]{1,2})")
_HARMONY_VERSION = re.compile(r"\bopenharmony[ /]([0-9]{1,2})")
_IN_PARENTHESES = re.compile(r"\(([^)]*(?:android|openharmony)[^)]*)")
_MODEL_BUILD = re.compile(r"\s*build/.*")
# Parts of the parentheses that are not the model: `zh-CN`, `Android 13`, `HMSCore 6.11.0`, `Cronet/…`.
_NO_MODEL = re.compile(
    r"[a-z]{2}(?:[-_][a-z]{2,4})?(?:_#\w+)?|(?:android|openharmony|hmscore|gmscore|scale|chrome|tablet|cronet|build)\b.*"
)
_WORDS_WITHOUT_MODEL = {"", "linux", "u", "wv", "mobile", "harmonyos", "phone", "k"}
# Browsers whose model is `K` always say Android 10 (Chrome's reduced user agent).
_REDUCED = re.compile(r"android 10; k\)")
# From iOS 26 on, web views say 18_6 or 18_7 for ever; only Safari tells the version, elsewhere.
_FROZEN_IOS, _FROZEN_SINCE = 18, 26


class Agent(NamedTuple):
    """What a user agent tells: the system, and the major version (0: unknown) and the model (empty: unknown).

    `is_frozen`: the version is the one that all later ones say, too.
    """

    system: str
    version: int = 0
    model: str = ""
    is_frozen: bool = False

    def __str__(self) -> str:
        """`android 13|m2012k11ac`, `ios 17`; empty: too little to compare."""
        if not (self.version or self.model):
            return ""
        system = f"{self.system} {self.version}" if self.version else self.system
        return f"{system}|{self.model}" if self.model else system


def parse_address(value: str) -> Address:
    """An IPv4 address may be written as an IPv6 one, mapped or translated (RFC 6052). Raises: ValueError."""
    address = ip_address(value)
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address


def network_identity(address: Address, user_agent: str, *, os: str = "", model: str = "") -> str:
    """The identity under which a click is stored. `os` and `model` help where the user agent does not tell them."""
    agent = agent_of(user_agent, os=os)
    if model and agent.system in ("android", "harmony") and not agent.model:
        agent = agent._replace(model=model.strip().lower())
    return f"{_network(address)}\n{str(agent) or user_agent.strip().lower()}"


def network_identities(address: Address, user_agent: str, *, os: str = "") -> set[str]:
    """Every identity that a click of this device may have been stored under."""
    agent = agent_of(user_agent, os=os)
    forms = {str(agent) or user_agent.strip().lower()}
    if agent.system == "ios" and (agent.version >= _FROZEN_SINCE or agent.is_frozen):
        forms |= {f"ios {_FROZEN_IOS}", f"ios {max(agent.version, _FROZEN_SINCE)}"}
    elif agent.version and agent.model:
        forms |= {str(agent._replace(model="")), str(agent._replace(version=0))}
    return {f"{_network(address)}\n{form}" for form in forms if form}


def agent_of(user_agent: str, *, os: str = "") -> Agent:
    text = user_agent.lower()
    if "android" in text:
        if _REDUCED.search(text):
            return Agent("android")
        return Agent("android", _number(_ANDROID_VERSION, text), _model(text))
    if "openharmony" in text:
        return Agent("harmony", _number(_HARMONY_VERSION, text), _model(text))
    if os == "ios" or _IOS.search(text):
        return _ios(text)
    return Agent(os)


def _ios(text: str) -> Agent:
    """`Darwin/23.1.0` is iOS 17, `Darwin/25.0.0` iOS 26. On an iPad, Safari says that it is a Mac."""
    if darwin := _number(_DARWIN_VERSION, text):
        return Agent("ios", darwin + 1 if darwin >= 25 else darwin - 6)
    found = _IOS_VERSION.search(text)
    system = int(found[1]) if found else 0
    safari = _number(_SAFARI_VERSION, text)
    is_frozen = not safari and system == _FROZEN_IOS and found is not None and found[2] in ("6", "7")
    return Agent("ios", max(system, safari), is_frozen=is_frozen)


def _model(text: str) -> str:
    inside = _IN_PARENTHESES.search(text)
    words = (_MODEL_BUILD.sub("", word).strip() for word in (inside[1].split(";") if inside else ()))
    models = (word for word in words if word not in _WORDS_WITHOUT_MODEL and not _NO_MODEL.fullmatch(word))
    return next(models, "")


def _number(pattern: re.Pattern[str], text: str) -> int:
    found = pattern.search(text)
    return int(found[1]) if found else 0


def _network(address: Address) -> str:
    if isinstance(address, IPv4Address):
        return str(address)
    return f"{IPv6Address(int(address) >> 64 << 64)}/64"
