"""Real clients, as published, against a relay before the sandbox's Ark: docs/clients.md is what this shows.

Each program asks for everything and prints what it saw. The cells of the table must say the same, no less and no more.
"""

import json
import shutil
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.clients import raw, table
from tests.clients.conftest import FOLDER
from tests.clients.python.asked import Asked

# By their rows.
PYTHON = {
    "LangChain for Python": "langchain_client.py",
    "pydantic-ai": "pydantic_ai_client.py",
    "instructor": "instructor_client.py",
    "litellm": "litellm_client.py",
    "Ark's SDK": "ark_client.py",
    "llm": "llm_client.py",
}
NODE = {
    "openai for Node": ["openai.mjs"],
    "LangChain for JavaScript": ["langchain.mjs"],
    "AI SDK, openai-compatible": ["ai_sdk.mjs"],
    "AI SDK, openai.chat": ["ai_sdk.mjs", "openai"],
}
OTHERS = {"openai for Python", "Java's HttpClient", "curl", "a page in a browser"}

Run = Callable[..., str]


def show(client: str, asked: Asked, printed: str) -> None:
    seen = json.loads(printed.splitlines()[-1])
    assert "failed" not in seen, seen
    assert table.shown(asked, seen) == table.claims(client), seen


def test_table_has_these_clients() -> None:
    assert set(table.rows()) == {*PYTHON, *NODE, *OTHERS}


def test_openai_for_python(run: Run, asked: Asked) -> None:
    show("openai for Python", asked, run(sys.executable, FOLDER / "python/openai_client.py", json.dumps(asked)))


@pytest.mark.parametrize("client", PYTHON)
def test_python_client(python_of_clients: Path, run: Run, asked: Asked, client: str) -> None:
    show(client, asked, run(python_of_clients, FOLDER / "python" / PYTHON[client], json.dumps(asked)))


@pytest.mark.parametrize("client", NODE)
def test_node_client(node_clients: Path, run: Run, asked: Asked, client: str) -> None:
    program, *options = NODE[client]

    show(client, asked, run("node", node_clients / program, json.dumps(asked), *options))


@pytest.mark.skipif(shutil.which("javac") is None, reason="no Java compiler (Debian: default-jdk-headless)")
def test_java(asked: Asked) -> None:
    url = asked["url"] + "/v1/chat/completions"

    seen = raw.seen(asked, lambda bodies: raw.sent_by_java(asked["key"], [(url, body) for body in bodies]))

    assert table.shown(asked, seen) == table.claims("Java's HttpClient"), seen


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_curl(asked: Asked) -> None:
    seen = raw.seen(asked, partial(raw.sent_by_curl, asked))

    assert table.shown(asked, seen) == table.claims("curl"), seen
