import os
import subprocess
import sys

import pytest
import requests

from tests.sandbox.conftest import SandboxClient
from tests.servers import ROOT


def test_front_page_lists_the_paths(sandbox: SandboxClient) -> None:
    text = requests.get(sandbox.url + "/", timeout=5).text

    assert text.splitlines()[0].startswith("Rivermouth's sandbox")
    assert "  POST   /api/v2/conversion" in text.splitlines()


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/nothing"), ("GET", "/api/v2/conversion"), ("DELETE", "/_faults/7")]
)
def test_unknown_path_or_method_is_not_found(sandbox: SandboxClient, method: str, path: str) -> None:
    response = requests.request(method, sandbox.url + path, timeout=5)

    error = f"nothing at {method} {path}; GET / lists the paths"
    assert (response.status_code, response.json()) == (404, {"error": error})


@pytest.mark.parametrize(
    ("pace", "error"),
    [
        ({"tokens_per_s": -1}, "Expected `float` >= 0.0 - at `$.tokens_per_s`"),
        ({"tokens_per_s": "fast"}, "Expected `float`, got `str` - at `$.tokens_per_s`"),
        ({}, "Object missing required field `tokens_per_s`"),
    ],
)
def test_bad_pace_is_refused(sandbox: SandboxClient, pace: dict[str, object], error: str) -> None:
    response = sandbox.post("/_pace", pace)

    assert (response.status_code, response.json()) == (400, {"error": error})


def test_bad_ledger_limit_is_refused(sandbox: SandboxClient) -> None:
    response = requests.get(sandbox.url + "/_ledger?limit=ten", timeout=5)

    assert (response.status_code, response.json()) == (400, {"error": "limit: 'ten' is not a number"})


def test_wrong_pace_setting_stops_the_start_with_its_name() -> None:
    environment = {**os.environ, "SANDBOX_TOKENS_PER_S": "fast"}
    command = [sys.executable, "-m", "uvicorn", "sandbox.app:application", "--port", "0"]

    server = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)

    assert server.returncode == 1
    assert server.stderr == "SANDBOX_TOKENS_PER_S=fast: Expected `float`, got `str` - at `$.tokens_per_s`\n"
