"""The relay as its users see it: real servers on the test database, real providers over HTTP."""

import contextlib
import json
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any, Protocol
from urllib.parse import urlsplit

import pytest
import requests
from django.contrib.auth.models import User
from django.db.models import QuerySet

from foundation.access.models import ApiKey
from streaming.models import ChatModel, Completion, Provider, Route
from tests.servers import Server, database_url, eventually, uvicorn
from tests.streaming.scripted_provider import ScriptedProvider, scripted_provider

# Neither looks like a key, so they are only hidden if they are known to be secret.
ARK_KEY = "canary ark credential"
PROVIDER_KEY = "canary provider credential"

RELAY = {
    "ARK_API_KEY": ARK_KEY,
    "PROVIDER_KEY": PROVIDER_KEY,
    # Whatever a test writes to the database takes effect immediately.
    "API_KEY_CACHE_S": "0",
    "CHAT_CATALOGUE_CACHE_S": "0",
    "CHAT_DRAIN_S": "1",
}
TIMEOUT_S = 20

Serve = Callable[..., AbstractContextManager[Server]]


class AddModel(Protocol):
    def __call__(self, name: str, *base_urls: str, dialect: str = "openai") -> ChatModel: ...


@pytest.fixture(scope="session")
def serve(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Serve:
    """Start the relay with these settings, against the test database."""

    @contextlib.contextmanager
    def serving(*, may_log_tracebacks: bool = False, **environment: str) -> Iterator[Server]:
        log_file = tmp_path_factory.mktemp("relay") / "uvicorn.log"
        settings = {**RELAY, "DATABASE_URL": database_url(), **environment}
        with uvicorn("config.asgi:application", log_file=log_file, environment=settings) as server:
            yield server
        assert may_log_tracebacks or "Traceback" not in server.log, server.log

    return serving


@pytest.fixture(scope="session")
def relay(serve: Serve, sandbox_server: Server) -> Iterator[Server]:
    """The relay in front of the sandbox's Ark (model `doubao`), with the default settings."""
    with serve(ARK_BASE_URL=sandbox_server.url + "/api/v3") as server:
        yield server


@pytest.fixture(autouse=True)
def _no_old_faults(request: pytest.FixtureRequest) -> None:
    """The sandbox is the session's: what a test of another folder asked of it must not meet these."""
    if "sandbox_server" in request.fixturenames:
        server: Server = request.getfixturevalue("sandbox_server")
        requests.delete(f"{server.url}/_faults", timeout=TIMEOUT_S)


HASTY = {
    "CHAT_TRIES_PER_ROUTE": "1",
    "CHAT_CONNECT_TIMEOUT_S": "1",
    "CHAT_FIRST_CONTENT_TIMEOUT_S": "1",
    "CHAT_IDLE_TIMEOUT_S": "1",
    "CHAT_TOTAL_TIMEOUT_S": "4",
    "CHAT_WRITE_TIMEOUT_S": "1",
    "MAX_BODY_BYTES": "4096",
    "CHAT_MAX_EVENT_BYTES": "20000",
}


@pytest.fixture(scope="session")
def hasty(serve: Serve, sandbox_server: Server) -> Iterator[Server]:
    """A relay that asks each route once and waits for nothing longer than a second, and sends no heartbeats."""
    with serve(ARK_BASE_URL=sandbox_server.url + "/api/v3", **HASTY) as server:
        yield server


@pytest.fixture(scope="session")
def chatty(serve: Serve, sandbox_server: Server) -> Iterator[Server]:
    """A hasty relay whose clients get a heartbeat whenever they have waited for a third of a second."""
    with serve(ARK_BASE_URL=sandbox_server.url + "/api/v3", **HASTY, CHAT_HEARTBEAT_S="0.3") as server:
        yield server


@pytest.fixture
def sandbox(sandbox_server: Server) -> Iterator["Sandbox"]:
    """The sandbox, without faults and as fast as it can."""
    sandbox = Sandbox(sandbox_server.url)
    sandbox.reset()
    yield sandbox
    sandbox.reset()


class Sandbox:
    def __init__(self, url: str) -> None:
        self.url = url
        self._session = requests.Session()

    def reset(self) -> None:
        for path in ("/_faults", "/_ledger"):
            self._session.delete(self.url + path, timeout=TIMEOUT_S)
        self.pace(0)

    def pace(self, tokens_per_s: float) -> None:
        self._session.post(self.url + "/_pace", json={"tokens_per_s": tokens_per_s}, timeout=TIMEOUT_S)

    def fault(self, kind: str, **parameters: Any) -> None:
        fault = {"on": "chat", "kind": kind, **parameters}
        response = self._session.post(self.url + "/_faults", json=fault, timeout=TIMEOUT_S)
        assert response.status_code == 201, response.text

    def chats(self) -> list[dict[str, Any]]:
        """The requests it received, oldest first."""
        chats: list[dict[str, Any]] = self._session.get(self.url + "/_ledger", timeout=TIMEOUT_S).json()["chats"]
        return chats


@pytest.fixture
def provider(add_model: "AddModel") -> Iterator[ScriptedProvider]:
    """A provider that follows the test's script; it is the only route of the model `scripted`."""
    with scripted_provider() as provider:
        add_model("scripted", provider.base_url)
        yield provider


@pytest.fixture
def key(transactional_db: None) -> str:
    return ApiKey.objects.issue(caller="tests", is_throttled=False)


@pytest.fixture
def add_model(transactional_db: None) -> AddModel:
    """Add a public model with one route for each base URL."""

    def add(name: str, *base_urls: str, dialect: str = "openai") -> ChatModel:
        model = ChatModel.objects.create(name=name)
        for position, base_url in enumerate(base_urls):
            slug = f"{name}-{position}"
            provider = Provider.objects.create(
                slug=slug, base_url=base_url, api_key_env="PROVIDER_KEY", dialect=dialect
            )
            Route.objects.create(
                chat_model=model, provider=provider, upstream_model=f"gpt-{position}", position=position
            )
        return model

    return add


def completions() -> QuerySet[Completion]:
    """The rows of this test's caller, since one from the previous test may still be written."""
    return Completion.objects.filter(caller__in=User.objects.all()).order_by("started_at")


def recorded(response: requests.Response | None = None) -> Completion:
    """The completion of this response, or the only one, once its end has been recorded."""
    ended = completions().exclude(state=Completion.State.STREAMING)
    if response is not None:
        ended = ended.filter(id=response.headers["X-Request-Id"])
    completion = eventually(lambda: ended.all().first(), bool)
    assert completion is not None, list(completions().values())
    return completion


def open_stream(server: Server, key: str, *, path: str = "/v1/chat/completions", **fields: Any) -> requests.Response:
    """Ask for a stream and return at its first byte."""
    body = {"messages": [{"role": "user", "content": "hello"}], "stream": True, **fields}
    headers = {"Authorization": f"Bearer {key}"}
    return requests.post(server.url + path, json=body, headers=headers, timeout=TIMEOUT_S, stream=True)


def send_request(
    server: Server, key: str, *, path: str = "/v1/chat/completions", version: str = "1.1", **fields: Any
) -> socket.socket:
    """Send the request on a raw socket, which reads nothing by itself."""
    body = json.dumps({"messages": [{"role": "user", "content": "hello"}], **fields}).encode()
    connection = socket.socket()
    connection.settimeout(TIMEOUT_S)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * 1024)
    connection.connect(address_of(server))
    connection.sendall(
        f"POST {path} HTTP/{version}\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n".encode()
        + body
    )
    return connection


def address_of(server: Server) -> tuple[str, int]:
    address = urlsplit(server.url)
    return str(address.hostname), int(address.port or 80)


def ask(server: Server, key: str, *, path: str = "/v1/chat/completions", **fields: Any) -> requests.Response:
    """Ask for a completion and read the whole answer."""
    body = {"messages": [{"role": "user", "content": "hello"}], **fields}
    headers = {"Authorization": f"Bearer {key}"}
    return requests.post(server.url + path, json=body, headers=headers, timeout=TIMEOUT_S)
