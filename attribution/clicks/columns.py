"""The columns of clicks that hold each kind of id."""

from attribution.clicks.matching import Kind

COLUMNS = {
    Kind.OAID: ["oaid_digest"],
    Kind.ANDROID_ID: ["android_id_digest"],
    Kind.IMEI: ["imei_digest"],
    Kind.IDFA: ["idfa_digest"],
    Kind.CAID: ["caid_digests"],
    Kind.IP_USER_AGENT: ["ip_ua_digest", "ipv6_ua_digest"],
}
# Of ids: addresses are shared by thousands.
ID_COLUMNS: dict[Kind, str] = {kind: columns[0] for kind, columns in COLUMNS.items() if kind is not Kind.IP_USER_AGENT}
