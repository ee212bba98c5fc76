"""How Ocean Engine knows who reports: a token of our app, or a signature. Most accounts require neither.

The first of these that is set: a fixed `App-Access-Token`; an RSA signature; a token issued for the app's id and
secret, which expires. Independently, `x-signature` with a shared secret.
Reference: https://open.oceanengine.com/labels/7/docs/1713655428885516 (token); the RSA form is a public SDK's
(bububa/oceanengine, July 2026).
"""

import hashlib
import time
from base64 import b64encode
from functools import lru_cache
from urllib.parse import urlsplit

import msgspec
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from django.conf import settings

from attribution.platforms.cost_source import Tokens
from attribution.platforms.http import Headers, PlatformUnauthorised, Reply
from attribution.platforms.oceanengine import marketing, oauth
from attribution.platforms.platform import AppTokens

TOKEN_PATH = "/open_api/oauth2/app_access_token/"  # noqa: S105  # a path


class _Issued(msgspec.Struct, frozen=True, kw_only=True):
    access_token: str
    expires_in: float = 24 * 3600


class OceanEngineTokens(AppTokens):
    def __init__(self) -> None:
        self.token, self.problem = "", ""

    @property
    def is_wanted(self) -> bool:
        is_fixed = settings.OCEANENGINE_ACCESS_TOKEN or settings.OCEANENGINE_RS256_CREDENTIAL
        return bool(settings.OCEANENGINE_APP_ID and settings.OCEANENGINE_APP_SECRET) and not is_fixed

    def issue(self) -> Tokens:
        url = f"{settings.OCEANENGINE_OAUTH_BASE_URL}{TOKEN_PATH}"
        asked = {"app_id": settings.OCEANENGINE_APP_ID, "secret": settings.OCEANENGINE_APP_SECRET}
        issued = oauth.decoded(marketing.post_once(url, asked), _Issued)
        return Tokens(access_token=issued.access_token, access_expires_in_s=issued.expires_in)

    def use(self, token: str, *, problem: str = "") -> None:
        self.token, self.problem = token, problem


TOKENS = OceanEngineTokens()


def headers() -> Headers:
    """The headers that are the same for all requests. Raises: `PlatformUnauthorised` if it has to wait for a token."""
    token = settings.OCEANENGINE_ACCESS_TOKEN
    if TOKENS.is_wanted:
        token, problem = TOKENS.token, TOKENS.problem
        if not token and problem:
            raise PlatformUnauthorised(f"no App-Access-Token: {problem}", Reply())
    return (("App-Access-Token", token),) if token else ()


def signature(method: str, path: str, body: bytes) -> dict[str, str]:
    """The headers that belong to this request."""
    signed = {}
    if secret := settings.OCEANENGINE_SIGNATURE_SECRET:
        signed["x-signature"] = hashlib.sha256(body + secret.encode()).hexdigest()
    if credential := settings.OCEANENGINE_RS256_CREDENTIAL:
        signed["x-rs256-token"] = _rs256_token(credential, method, path, body)
    return signed


def _rs256_token(credential: str, method: str, path: str, body: bytes) -> str:
    """Signs method, path (with a slash at its end), seconds and the body's digest, a line each."""
    now_s = int(time.time())
    digest = b64encode(hashlib.sha256(body).digest()).decode()
    signed = "\n".join([method, f"{urlsplit(path).path.rstrip('/')}/", str(now_s), digest])
    key = _private_key(settings.OCEANENGINE_RS256_PRIVATE_KEY)
    signature = b64encode(key.sign(signed.encode(), PKCS1v15(), SHA256())).decode()
    return f"credential={credential}&timestamp={now_s}&signature={signature}"


@lru_cache(maxsize=2)
def _private_key(pem: str) -> RSAPrivateKey:
    key = load_pem_private_key(pem.encode(), password=None)
    if not isinstance(key, RSAPrivateKey):
        raise TypeError("OCEANENGINE_RS256_PRIVATE_KEY is not an RSA key")
    return key
