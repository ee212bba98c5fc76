"""Paths as clients write them."""

import pytest
from django.conf import settings

from foundation.serving.paths import canonical


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("/v1/chat/completions", "/v1/chat/completions"),
        ("/chat/completions", "/v1/chat/completions"),
        ("/chat/completions/", "/v1/chat/completions"),
        ("/api/v3/chat/completions", "/v1/chat/completions"),
        ("/api/v3/models", "/v1/models"),
        ("/api/v3/models/doubao", "/v1/models/doubao"),
        ("/api/v3/nothing/here", "/v1/nothing/here"),
        ("/api/v3", "/v1/"),
        ("/api/v3/", "/v1/"),
        ("//v1/chat/completions", "/v1/chat/completions"),
        ("/v1//chat///completions", "/v1/chat/completions"),
        ("/api//v3/chat/completions", "/v1/chat/completions"),
        ("/models", "/v1/models"),
        ("/v1/models/", "/v1/models"),
        ("/models/team/doubao", "/v1/models/team/doubao"),
        ("/responses/resp_1/cancel", "/v1/responses/resp_1/cancel"),
        ("/embeddings", "/v1/embeddings"),
        # Paths that are not OpenAI's stay as they are.
        ("/", "/"),
        ("/v1/", "/v1/"),
        ("/api/chat/", "/api/chat/"),
        ("/api/v30/models", "/api/v30/models"),
        ("/chat", "/chat"),
        ("/modelsheet", "/modelsheet"),
        ("/admin/streaming/chatmodel/", "/admin/streaming/chatmodel/"),
    ],
)
def test_path_that_is_meant(given: str, meant: str) -> None:
    assert canonical(given, settings.PATH_ALIASES) == meant
