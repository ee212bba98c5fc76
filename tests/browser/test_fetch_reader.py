"""A page that reads a stream with `fetch`, as a web client without an SDK does."""

from collections.abc import Iterator

import pytest
import requests
from playwright.sync_api import Page

from tests.nginx import nginx
from tests.stack import Stack

# Returns every read of the body as text, with its time.
READ_STREAM = """
async ({path, key, body}) => {
    const response = await fetch(path, {
        method: "POST",
        headers: {"Authorization": `Bearer ${key}`, "Content-Type": "application/json"},
        body: JSON.stringify(body),
    });
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    const reads = [];
    for (;;) {
        const {done, value} = await reader.read();
        if (done) return {status: response.status, reads};
        reads.push({text: value, at_ms: performance.now()});
    }
}
"""


@pytest.fixture(params=["direct", "behind nginx"])
def front(request: pytest.FixtureRequest, stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if request.param == "direct":
        yield stack.url
    else:
        with nginx(stack.url, tmp_path_factory.mktemp("nginx")) as url:
            yield url


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/api/chat/"])
def test_fetch_reads_a_stream_as_it_comes(page: Page, stack: Stack, front: str, path: str) -> None:
    stack.ask_sandbox("POST", "/_pace", {"tokens_per_s": 50})
    body = {"model": "doubao", "messages": [{"role": "user", "content": "你好，介绍一下河口"}], "stream": True}
    page.goto(front + "/healthz")

    result = page.evaluate(READ_STREAM, {"path": path, "key": stack.key, "body": body})

    reads = result["reads"]
    answer = requests.post(
        front + path, json=body, headers={"Authorization": f"Bearer {stack.key}"}, timeout=30
    ).content.decode()
    assert result["status"] == 200
    assert _contents("".join(read["text"] for read in reads)) == _contents(answer)
    assert len(reads) > 10
    assert reads[-1]["at_ms"] - reads[0]["at_ms"] > 200


def _contents(stream: str) -> list[str]:
    """The pieces of text, without the ids and times around them."""
    names = ('"content":"', '"text":"')
    return [line.split(name, 1)[1].split('"', 1)[0] for line in stream.splitlines() for name in names if name in line]
