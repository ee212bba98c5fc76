"""From a provider's base URL to the URL of one of its endpoints."""

import re
from functools import lru_cache
from urllib.parse import urlsplit, urlunsplit

# What people paste with a base URL, although it already is an endpoint's.
_ENDPOINT = re.compile(r"/+(?:chat/+completions|completions|responses|embeddings|models)$")


@lru_cache(maxsize=256)  # every turn calls this
def endpoint(base_url: str, path: str) -> str:
    """The URL of an endpoint, `path` being `chat/completions` or the like.

    A base URL that is an endpoint's own means that endpoint's base; a query (`?api-version=…` at Azure) stays at the
    end.
    Raises: ValueError for a URL that is none.
    """
    parts = urlsplit(base_url)
    base = _ENDPOINT.sub("", parts.path.rstrip("/")).rstrip("/")
    return urlunsplit((parts.scheme, parts.netloc, f"{base}/{path}", parts.query, ""))
