"""The door to vendors: what a table says of one. Names no vendor."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from streaming.wire.vendors.meanings import Meaning


@dataclass(frozen=True, kw_only=True, eq=False)
class Vendor:
    """One vendor's words.

    A base URL is this vendor's if its host is one of `hosts`, or below one of them. `names` are what else operators
    call it in a provider's short name, beside its slug in `CHAT_VENDORS`.
    """

    label: str
    hosts: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    codes: Mapping[str, Meaning] = field(default_factory=dict)
    key_header: str = "authorization"  # which has the scheme Bearer; any other has the bare key
