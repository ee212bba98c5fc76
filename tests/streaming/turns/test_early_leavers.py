"""Clients that leave before an answer has begun leave nothing behind."""

import json
import socket
import time
from urllib.parse import urlsplit

import pytest
import redis

from foundation.access.models import ApiKey
from tests.servers import eventually
from tests.stack import Processes, Stack

# Within its first milliseconds a request is admitted, its log opened and its provider asked.
STAYS_S = [0.0005 * number for number in range(40)]


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/api/chat/"])
def test_clients_that_leave_at_once_give_their_slots_back(stack: Stack, processes: Processes, path: str) -> None:
    key = ApiKey.objects.issue(caller="impatient")
    slots = f"chat:slots:key:{ApiKey.objects.get(user__username='impatient').token_key}"
    stack.ask_sandbox("POST", "/_faults", {"on": "chat", "kind": "hang"})

    with redis.Redis.from_url(processes.environment["REDIS_URL"]) as store:
        _ask_and_leave(stack.url, path, key, stay_s=1)  # keys and models are cached from now on
        for stay_s in STAYS_S:
            _ask_and_leave(stack.url, path, key, stay_s=stay_s)

        assert eventually(lambda: store.zrange(slots, 0, -1), [].__eq__, within_s=5) == []


def _ask_and_leave(url: str, path: str, key: str, *, stay_s: float) -> None:
    body = {"model": "doubao", "stream": True, "messages": [{"role": "user", "content": "hello"}]}
    address, sent = urlsplit(url), json.dumps(body).encode()
    with socket.create_connection((address.hostname, address.port), timeout=5) as client:
        head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\n"
        client.sendall(f"{head}Content-Length: {len(sent)}\r\n\r\n".encode() + sent)
        time.sleep(stay_s)
