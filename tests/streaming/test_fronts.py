"""The relay reached directly, and behind an nginx with its default buffering."""

import json
import subprocess
from collections.abc import Iterator

import openai
import pytest
import requests

from tests.nginx import nginx
from tests.servers import Server
from tests.streaming.conftest import TIMEOUT_S, recorded
from tests.streaming.scripted_provider import DONE, Act, ScriptedProvider, chunk, event

STOP = chunk(finish_reason="stop")
USAGE = {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}
BODY = {"model": "scripted", "messages": [{"role": "user", "content": "hello"}], "stream": True}


@pytest.fixture(scope="session")
def fronts(hasty: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The same relay, directly and behind nginx."""
    with nginx(hasty.url, tmp_path_factory.mktemp("nginx")) as nginx_url:
        yield {"direct": hasty.url, "behind nginx": nginx_url}


@pytest.fixture(params=["direct", "behind nginx"])
def front(request: pytest.FixtureRequest, fronts: dict[str, str]) -> str:
    return fronts[request.param]


def test_chunks_arrive_one_by_one(front: str, provider: ScriptedProvider, key: str) -> None:
    provider.stream(chunk("a"), Act.PART, chunk("b"), Act.PART, STOP, DONE)
    headers = {"Authorization": f"Bearer {key}", "Accept-Encoding": "gzip"}

    with requests.post(
        front + "/v1/chat/completions", json=BODY, headers=headers, timeout=TIMEOUT_S, stream=True
    ) as response:
        reads = (read.replace(b": hb\n", b"") for read in response.iter_content(None))
        first = next(reads)
        provider.go_on()
        second = next(read for read in reads if read)
        provider.go_on()
        rest = b"".join(reads)

    assert (first, second, rest) == (chunk("a"), chunk("b"), STOP + DONE)


def test_client_that_leaves_is_noticed(front: str, provider: ScriptedProvider, key: str) -> None:
    provider.stream(chunk("a"), Act.UNTIL_LEFT)
    response = requests.post(
        front + "/v1/chat/completions",
        json=BODY,
        headers={"Authorization": f"Bearer {key}"},
        timeout=TIMEOUT_S,
        stream=True,
    )

    response.close()

    assert recorded(response).state == "disconnected"


def test_curl(front: str, provider: ScriptedProvider, key: str) -> None:
    provider.stream(chunk("河"), 0.7, chunk("口"), STOP, DONE)
    command = ["curl", "-sN", "--compressed", front + "/v1/chat/completions", "-d", json.dumps(BODY)]
    command += ["-H", f"Authorization: Bearer {key}", "-H", "Content-Type: application/json"]

    done = subprocess.run(command, capture_output=True, check=True, timeout=60)

    assert done.stdout.replace(b": hb\n", b"") == chunk("河") + chunk("口") + STOP + DONE


def test_openai_of_python(front: str, provider: ScriptedProvider, key: str) -> None:
    provider.stream(chunk("河"), 0.7, chunk("口"), STOP, event({"choices": [], "usage": USAGE}), DONE)

    with openai.OpenAI(base_url=front + "/v1", api_key=key, max_retries=0) as client:
        stream = client.chat.completions.create(**BODY, stream_options={"include_usage": True})  # type: ignore[call-overload]
        chunks = list(stream)

    assert [each.choices[0].delta.content for each in chunks if each.choices] == ["河", "口", None]
    assert chunks[-1].usage.to_dict() == USAGE
