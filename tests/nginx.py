"""nginx as people put it in front of a web server: Debian's, with its default buffering."""

import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from signal import SIGTERM
from urllib.parse import urlsplit

import requests

from sandbox.launcher import children, services
from tests.programs import find_or_install
from tests.servers import ROOT

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
    """The URL of an nginx in front of this server. Skips the test if nginx is missing and cannot be installed."""
    port = services.free_port()
    user = "user root;" if os.geteuid() == 0 else ""  # its workers have to get into the test's folder
    configuration = folder / "nginx.conf"
    configuration.write_text(_CONFIGURATION.format(user=user, folder=folder, port=port, upstream_url=upstream_url))
    with _running(configuration, f"http://127.0.0.1:{port}") as url:
        yield url


@contextmanager
def shipped(name: str, upstream_urls: Sequence[str], folder: Path) -> Iterator[dict[int, str]]:
    """Run the nginx of `deploy/` (by file name) in front of these servers; its URLs, by the port of the original.

    Addresses and ports are those of this machine; this machine stands for the inner networks that are believed.
    `resolve` is left out for nginx older than 1.27.3, which does not know it.
    """
    shutil.copytree(ROOT / "deploy", folder, dirs_exist_ok=True)
    ports = {number: services.free_port() for number in (80, 443)}
    for file in folder.glob("*.conf"):
        text = file.read_text()
        for number, url in enumerate(upstream_urls, 1):
            text = text.replace(f"server web-{number}:8000", f"server {urlsplit(url).netloc}")
        text = re.sub(r"\n *server web-\d:8000.*", "", text)
        if _version() < (1, 27, 3):
            text = text.replace(" resolve;", ";").replace("resolver 127.0.0.11 valid=5s;", "")
        text = text.replace("set_real_ip_from 10.0.0.0/8;", "set_real_ip_from 127.0.0.0/8;")
        for number, port in ports.items():
            text = re.sub(rf"listen {number}\b", f"listen 127.0.0.1:{port}", text)
            text = text.replace("https://$host$request_uri", f"https://$host:{ports[443]}$request_uri")
        file.write_text(text)
    user = "user root;" if os.geteuid() == 0 else ""
    temporary = "".join(f"{kind}_temp_path {folder}/{kind};" for kind in ("proxy", "fastcgi", "uwsgi", "scgi"))
    main = folder / name
    head = f"daemon off; {user} pid {folder}/nginx.pid; error_log stderr;"
    text = main.read_text().replace(
        "http {", f"http {{ access_log off; client_body_temp_path {folder}/body; {temporary}"
    )
    main.write_text(head + text)
    with _running(main, f"http://127.0.0.1:{ports[80]}"):
        yield {80: f"http://127.0.0.1:{ports[80]}", 443: f"https://127.0.0.1:{ports[443]}"}


@contextmanager
def _running(configuration: Path, url: str) -> Iterator[str]:
    process = subprocess.Popen(
        [_program(), "-e", "stderr", "-c", str(configuration)],
        stderr=subprocess.DEVNULL,
        preexec_fn=children.tied(SIGTERM),
    )
    try:
        _await_answer(url, process)
        yield url
    finally:
        children.end(process, SIGTERM, within_s=10)


def _version() -> tuple[int, ...]:
    said = subprocess.run([_program(), "-v"], capture_output=True, text=True, check=True).stderr
    return tuple(int(part) for part in said.partition("nginx/")[2].split()[0].split("."))


def _program() -> str:
    return find_or_install("nginx", "nginx-light")


def _await_answer(url: str, process: subprocess.Popen[bytes]) -> None:
    give_up_at = time.monotonic() + 10
    while True:
        try:
            requests.get(f"{url}/healthz", timeout=5, allow_redirects=False).raise_for_status()
        except requests.ConnectionError:
            assert process.poll() is None, "nginx did not start"
            assert time.monotonic() < give_up_at, "nginx does not answer"
            time.sleep(0.05)
        else:
            return
