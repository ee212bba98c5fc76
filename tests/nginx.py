"""nginx as people put it before a web server: Debian's, with its default buffering."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from signal import SIGTERM

import pytest
import requests

from sandbox.launcher import children, services

_CONFIGURATION = """
daemon off;
{user}
pid {folder}/nginx.pid;
error_log stderr;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass {upstream_url};
        }}
    }}
}}
"""


@contextmanager
def nginx(upstream_url: str, folder: Path) -> Iterator[str]:
    """The URL of an nginx before this server. Skips the test where there is none and none can be installed."""
    port = services.free_port()
    user = "user root;" if os.geteuid() == 0 else ""  # its workers have to get into the test's folder
    configuration = folder / "nginx.conf"
    configuration.write_text(_CONFIGURATION.format(user=user, folder=folder, port=port, upstream_url=upstream_url))
    process = subprocess.Popen(
        [_program(), "-e", "stderr", "-c", str(configuration)],
        stderr=subprocess.DEVNULL,
        preexec_fn=children.tied(SIGTERM),
    )
    try:
        url = f"http://127.0.0.1:{port}"
        _await_answer(url, process)
        yield url
    finally:
        children.end(process, SIGTERM, within_s=10)


def _program() -> str:
    path = _find()
    if path is None and os.geteuid() == 0 and shutil.which("apt-get"):
        for command in (["apt-get", "update"], ["apt-get", "install", "--yes", "nginx-light"]):
            subprocess.run(command, check=False, capture_output=True)
        path = _find()
    if path is None:
        pytest.skip("no nginx: as root, apt-get install nginx-light")
    return path


def _find() -> str | None:
    return shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")


def _await_answer(url: str, process: subprocess.Popen[bytes]) -> None:
    give_up_at = time.monotonic() + 10
    while True:
        try:
            requests.get(f"{url}/healthz", timeout=5).raise_for_status()
        except requests.ConnectionError:
            assert process.poll() is None, "nginx did not start"
            assert time.monotonic() < give_up_at, "nginx does not answer"
            time.sleep(0.05)
        else:
            return
