"""`deploy/`: the nginx in front, and values that stand in several places and have to agree."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from config import environment
from tests.nginx import nginx, shipped
from tests.servers import ROOT, Server, web_options
from tests.stack import Stack

# How long nginx keeps an idle connection to a server by default.
NGINX_KEEPS_S = 60


def test_web_server_keeps_connections_longer_than_the_proxy_in_front() -> None:
    options = web_options()
    kept_s = int(options[options.index("--timeout-keep-alive") + 1])
    told = re.findall(r"keepalive_timeout (\d+)s", (ROOT / "deploy/nginx.conf").read_text())

    # If the server closes first, a request in transit gets a reset, which the proxy turns into a 502.
    assert kept_s > max([NGINX_KEEPS_S, *map(int, told)])


CHAT = {"model": "doubao", "messages": [{"role": "user", "content": "你好，介绍一下河口"}], "stream": True}


@pytest.fixture
def front(stack: Stack, tmp_path: Path) -> Iterator[str]:
    with shipped("nginx.conf", [stack.url], tmp_path / "inner") as urls:
        yield urls[80]


def read_stream(url: str, key: str, **options: object) -> tuple[int, float]:
    """The number of reads that a one-second stream took, and the seconds between the first and the last."""
    times = []
    headers = {"Authorization": f"Bearer {key}"}
    with requests.post(
        f"{url}/v1/chat/completions",
        json=CHAT,
        headers=headers,
        stream=True,
        timeout=30,
        **options,  # type: ignore[arg-type]  # requests' own
    ) as answer:
        answer.raise_for_status()
        for _piece in answer.iter_content(chunk_size=None):
            times.append(time.monotonic())
    return len(times), times[-1] - times[0]


def test_streams_pass_a_proxy_in_front_of_ours_as_they_come(stack: Stack, front: str, tmp_path: Path) -> None:
    stack.ask_sandbox("POST", "/_pace", {"tokens_per_s": 50})
    with nginx(front, tmp_path) as outer:
        reads, spread_s = read_stream(outer, stack.key)

    assert reads > 10
    assert spread_s > 0.2


@pytest.mark.parametrize("path", ["/metrics", "/readyz"])
def test_inner_pages_are_for_the_inside(front: str, path: str) -> None:
    from_inside = requests.get(front + path, timeout=10)
    from_outside = requests.get(front + path, headers={"X-Forwarded-For": "203.0.113.5"}, timeout=10)

    assert (from_inside.status_code, from_outside.status_code) == (200, 403)


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
def test_nginx_ends_tls_itself(stack: Stack, start_web: Callable[..., Server], tmp_path: Path) -> None:
    web = start_web(HTTPS_ONLY="1", FORWARDED_ALLOW_IPS="*")
    make = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -keyout privkey.pem -out fullchain.pem"
    (tmp_path / "front/tls").mkdir(parents=True)
    subprocess.run(["openssl", *make.split()], cwd=tmp_path / "front/tls", check=True, capture_output=True)
    with shipped("nginx-tls.conf", [web.url], tmp_path / "front") as urls:
        plain = requests.get(urls[80] + "/admin/login/", allow_redirects=False, timeout=10)
        login = requests.get(urls[443] + "/admin/login/", verify=False, timeout=10)  # noqa: S501  # signed by itself
        reads, _spread_s = read_stream(urls[443], stack.key, verify=False)

    assert (plain.status_code, plain.headers["Location"]) == (301, f"{urls[443]}/admin/login/")
    assert login.status_code == 200
    assert login.cookies["csrftoken"]
    assert reads > 0


def test_generated_secrets_are_a_whole_environment(tmp_path: Path) -> None:
    bare = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    command = [sys.executable, "manage.py", "generate_secrets"]
    printed = subprocess.run(command, cwd=ROOT, env=bare, capture_output=True, text=True, check=True)

    made = dict(line.split("=", 1) for line in printed.stdout.splitlines())
    services = {
        "DATABASE_URL": "postgres://rivermouth@postgres/rivermouth",
        "REDIS_URL": "redis://redis",
        "ENV_FILE": os.devnull,
    }
    started = subprocess.run(
        [sys.executable, "-c", "import config.settings"],
        cwd=ROOT,
        env=bare | services | made,
        capture_output=True,
        text=True,
    )

    assert list(made) == ["SECRET_KEY", "FIELD_ENCRYPTION_KEY", "USER_TOKEN_SECRET", "POSTGRES_PASSWORD"]
    assert all(re.fullmatch(r"[\w=-]{32,}", secret) for secret in made.values())
    assert (started.returncode, started.stderr) == (0, "")


def test_example_names_every_setting_that_a_deployment_needs() -> None:
    lines = (ROOT / ".env.example").read_text().splitlines()
    example = dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))

    assert {"SECRET_KEY", "FIELD_ENCRYPTION_KEY", "ALLOWED_HOSTS", "PUBLIC_URL", "POSTGRES_PASSWORD"} <= set(example)
    assert set(example) - {"POSTGRES_PASSWORD"} <= environment.names() | {"ARK_API_KEY"}
