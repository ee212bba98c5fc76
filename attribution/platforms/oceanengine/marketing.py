"""How to call Ocean Engine's Marketing API, and what to do about its codes.

Reference: https://open.oceanengine.com/labels/7/docs; the codes are from an SDK's table.
"""

import json
import time
from collections.abc import Mapping
from functools import cache
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import urlencode

import msgspec
import requests
from django.conf import settings
from urllib3.exceptions import HTTPError

from attribution.platforms.cost_source import CostError, Remedy

ACCEPTED = 0
REMEDIES = {
    40001: Remedy.STOP,  # a bad parameter
    40002: Remedy.OPERATOR,  # no permission
    40003: Remedy.STOP,  # a bad filter
    40100: Remedy.RETRY,  # too frequent
    40101: Remedy.OPERATOR,  # not an allowed caller
    40102: Remedy.REFRESH,  # the access token has expired
    40103: Remedy.AUTHORISE,  # the refresh token has expired
    40104: Remedy.REFRESH,  # no access token
    40105: Remedy.REFRESH,  # not an access token
    40106: Remedy.OPERATOR,  # the account's login is not in order
    40107: Remedy.AUTHORISE,  # not a refresh token
    40300: Remedy.SKIP,  # the advertiser can't be used
    40301: Remedy.SKIP,  # the advertiser is black-listed
    50000: Remedy.RETRY,  # a fault of the vendor's
    61002: Remedy.TOMORROW,  # the developer's calls of this day are used up
    61003: Remedy.OPERATOR,  # calls on this advertiser are restricted
}
# An unknown code: someone should look at it, and retrying at once would not help.
UNKNOWN_CODE = Remedy.STOP
# A page of 1,000 rows with long Chinese names takes about 1 MiB.
MAX_ANSWER_BYTES = 16 * 1024 * 1024


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    code: int
    message: str | None = ""
    request_id: str | None = ""
    data: msgspec.Raw = msgspec.Raw(b"null")


_answers = msgspec.json.Decoder(Answer, strict=False)


def get(url: str, access_token: str, **parameters: Any) -> bytes:
    """The answer's `data`. Parameters other than texts and numbers are sent as JSON text. Retried if that may help."""
    query = {name: value if isinstance(value, str | int) else _json(value) for name, value in parameters.items()}
    return _patiently("GET", f"{url}?{urlencode(query)}", {"Access-Token": access_token}, None)


def post_once(url: str, payload: Mapping[str, Any]) -> bytes:
    """The answer's `data`. Never sent twice: a code or a refresh token is valid for one request only."""
    return _call("POST", url, {"Content-Type": "application/json"}, _json(payload).encode())


def _patiently(method: str, url: str, headers: dict[str, str], body: bytes | None) -> bytes:
    for delay_s in settings.COST_RETRY_DELAYS_S:
        try:
            return _call(method, url, headers, body)
        except CostError as err:
            if err.remedy is not Remedy.RETRY:
                raise
        time.sleep(delay_s)
    return _call(method, url, headers, body)


def _call(method: str, url: str, headers: dict[str, str], body: bytes | None) -> bytes:
    started = time.monotonic()
    try:
        response = _session().request(
            method,
            url,
            data=body,
            headers={"User-Agent": "rivermouth", **headers},
            allow_redirects=False,  # a redirect would carry tokens to a host that nobody configured
            stream=True,
            timeout=(settings.OCEANENGINE_CONNECT_TIMEOUT_S, settings.OCEANENGINE_MARKETING_TIMEOUT_S),
        )
        content = _read(response, give_up_at=started + settings.OCEANENGINE_MARKETING_TIMEOUT_S)
    except (requests.RequestException, HTTPError) as err:  # its text contains the URL, which contains ids
        raise CostError(f"Ocean Engine did not answer: {type(err).__name__}", Remedy.RETRY) from err
    if response.status_code != requests.codes.ok:
        raise CostError(f"HTTP {response.status_code}", _remedy_of_status(response.status_code))
    return _data_of(content)


def _remedy_of_status(status: int) -> Remedy:
    return Remedy.RETRY if status in (408, 425, 429) or status >= 500 else Remedy.STOP


def _data_of(content: bytes) -> bytes:
    try:
        answer = _answers.decode(content)
    except (msgspec.DecodeError, RecursionError) as err:
        raise CostError("the answer is not Ocean Engine's", Remedy.RETRY) from err
    if answer.code != ACCEPTED:
        words = f"code {answer.code}: {(answer.message or '')[:500]}"
        raise CostError(words, REMEDIES.get(answer.code, UNKNOWN_CODE), code=answer.code)
    return bytes(answer.data)


def _read(response: requests.Response, *, give_up_at: float) -> bytes:
    content = bytearray()
    while piece := response.raw.read1(64 * 1024, decode_content=True):
        content += piece
        # Each read has its own timeout, which a slowly dripping answer never reaches.
        if len(content) > MAX_ANSWER_BYTES or time.monotonic() > give_up_at:
            response.close()
            raise requests.ReadTimeout("the answer is too long")
    declared = response.headers.get("Content-Length")
    if declared and not response.headers.get("Content-Encoding") and len(content) < int(declared):
        raise requests.ConnectionError("the answer was cut")
    return bytes(content)


@cache
def _session() -> requests.Session:
    """One session per process. It keeps no cookies, and ignores the environment's proxies and .netrc."""
    session = requests.Session()
    session.trust_env = False
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    return session


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
