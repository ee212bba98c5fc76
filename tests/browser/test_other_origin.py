"""A page on another origin, with the client that docs/app-profile.md shows."""

import re
import shutil
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Browser, Page

from tests.clients import raw, table
from tests.servers import ROOT, Server
from tests.stack import Stack

CLIENT = ROOT / "streaming/static/playground/chat_stream.js"
DOCUMENT = ROOT / "docs/app-profile.md"
# What the document's example takes from the page around it, and what the test wants to know.
BEFORE = """
const userToken = %r;
const show = (text) => { window.shown = text; };
const showProblem = (message) => { window.problem = message; };
"""
AFTER = "window.chat = chat;"
READ = """
async ({url, token}) => {
    try {
        const answer = await fetch(url, {headers: {Authorization: `Bearer ${token}`, "x-stainless-lang": "js"}});
        return [answer.status, answer.headers.get("x-request-id") !== null, (await answer.text()).length > 0];
    } catch (error) { return String(error); }
}
"""
# What a page of one's own does with OpenAI's format, by hand.
CALLS = """
async ({url, key, bodies}) => {
    const answers = [];
    for (const body of bodies) {
        const answer = await fetch(`${url}/v1/chat/completions`, {
            method: "POST",
            headers: { Authorization: `Bearer ${key}`, "Content-Type": "application/json" },
            body: JSON.stringify(body),
        });
        const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
        let text = "";
        for (let read; !(read = await reader.read()).done;) text += read.value;
        answers.push([answer.status, text]);
    }
    return answers;
}
"""


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *arguments: object) -> None:
        """Not among the tests' output."""


@pytest.fixture
def app_url(tmp_path: Path) -> Iterator[str]:
    """The app's own web site: an empty page beside the client."""
    (tmp_path / "index.html").write_text("<!doctype html><title>App</title>")
    shutil.copy(CLIENT, tmp_path)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(tmp_path))) as site:
        thread = threading.Thread(target=site.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{site.server_address[1]}"
        site.shutdown()
        thread.join()


@pytest.fixture
def app_page(browser: Browser, app_url: str) -> Iterator[Page]:
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{app_url}/index.html")
    yield page
    context.close()


def user_token(web: Server, stack: Stack) -> str:
    key = {"Authorization": f"Bearer {stack.key}"}
    return str(requests.post(f"{web.url}/api/tokens/", json={"user_id": "u1"}, headers=key, timeout=10).json()["token"])


def test_example_of_the_document_chats_from_an_allowed_origin(
    app_page: Page, app_url: str, stack: Stack, start_web: Callable[..., Server], tmp_path: Path
) -> None:
    web = start_web(CORS_ALLOWED_ORIGINS=app_url)
    token = user_token(web, stack)
    program = example().replace("https://chat.example.com", web.url)
    (tmp_path / "app.js").write_text(BEFORE % token + program + AFTER)

    shown, problem, chat = app_page.evaluate(
        'async () => { await import("./app.js"); return [window.shown, window.problem, window.chat]; }'
    )

    state = requests.get(f"{web.url}/api/chat/{chat}/", headers={"Authorization": f"Bearer {token}"}, timeout=10).json()
    assert (shown, problem) == (state["text"], None)
    assert (state["state"], len(shown) > 20) == ("completed", True)


def example() -> str:
    """The document's only example in JavaScript."""
    [program] = re.findall(r"^```js\n(.*?)^```$", DOCUMENT.read_text(), re.DOTALL | re.MULTILINE)
    return str(program)


@pytest.mark.parametrize("path", ["/v1/models", "/v1/chat/completions"])
def test_page_reads_answers_and_errors(
    app_page: Page, app_url: str, stack: Stack, start_web: Callable[..., Server], path: str
) -> None:
    web = start_web(CORS_ALLOWED_ORIGINS=app_url)

    status, _has_id, has_text = app_page.evaluate(READ, {"url": web.url + path, "token": stack.key})

    assert (status, has_text) == ({"/v1/models": 200, "/v1/chat/completions": 405}[path], True)


def test_page_of_another_origin_reads_nothing(app_page: Page, stack: Stack, start_web: Callable[..., Server]) -> None:
    web = start_web(CORS_ALLOWED_ORIGINS="https://app.example.com")

    assert "Failed to fetch" in app_page.evaluate(READ, {"url": f"{web.url}/v1/models", "token": stack.key})


def test_page_is_a_client_of_the_table(
    app_page: Page, app_url: str, stack: Stack, start_web: Callable[..., Server]
) -> None:
    models = "doubao=doubao-1-5-pro-32k-250115,doubao-cut=doubao-cut"
    web = start_web(CORS_ALLOWED_ORIGINS=app_url, ARK_MODELS=models, CHAT_HEARTBEAT_S="0.1")
    for fault in table.FAULTS:
        stack.ask_sandbox("POST", "/_faults", fault)
    asked = table.asked(web.url, stack.key)

    seen = raw.seen(
        asked,
        lambda bodies: app_page.evaluate(CALLS, {"url": web.url, "key": stack.key, "bodies": bodies}),
    )

    assert table.shown(asked, seen) == table.claims("a page in a browser"), seen
