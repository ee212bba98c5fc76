"""The Helm chart: linted and rendered by Helm's own library, each object checked against Kubernetes' schemas.

There is no cluster here: nothing is installed.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from config import environment
from tests.deploy import procfile
from tests.servers import ROOT

CHART = ROOT / "deploy/kubernetes"
FOLDER = Path(__file__).parent
TOOLS = ROOT / ".local/tools/kubernetes"

Objects = dict[tuple[str, str], Any]


def check(*values: dict[str, Any]) -> list[Objects]:
    """The rendered objects, by kind and name, for each of the values."""
    done = subprocess.run(
        [sys.executable, str(FOLDER / "check_chart.py"), str(CHART)],
        input=json.dumps(values),
        env={**os.environ, "PYTHONPATH": str(_tools())},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["lint"] == []
    return [{(item["kind"], item["metadata"]["name"]): item for item in objects} for objects in answer["rendered"]]


def _tools() -> Path:
    """Helm's library, fetched once. Skips the test where it is not available."""
    wished = (FOLDER / "requirements.txt").read_text()
    stamp = TOOLS / "installed.txt"
    if not stamp.is_file() or stamp.read_text() != wished:
        shutil.rmtree(TOOLS, ignore_errors=True)
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(TOOLS)]
        done = subprocess.run([*command, "-r", str(FOLDER / "requirements.txt")], capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"Helm's library can't be had from the package index: {done.stderr[-500:]}")
        stamp.write_text(wished)
    return TOOLS


@pytest.fixture(scope="module")
def rendered() -> list[Objects]:
    """Rendered with the defaults, with everything optional on, and with everything optional off."""
    return check(
        {},
        {"networkPolicy": {"enabled": True}, "web": {"autoscaling": {"openTurns": 400}}, "image": {"tag": "1.2.3"}},
        {
            "ingress": {"enabled": False},
            "web": {"autoscaling": {"enabled": False}, "podDisruptionBudget": {"enabled": False}, "replicas": 3},
            "worker": {"podDisruptionBudget": {"enabled": False}},
        },
    )


def pod(objects: Objects, kind: str, name: str) -> Any:
    return objects[(kind, name)]["spec"]["template"]["spec"]


def test_chart_has_what_can_be_switched(rendered: list[Objects]) -> None:
    always = {("Deployment", f"demo-{name}") for name in ("web", "worker", "beat")}
    always |= {("Job", "demo-migrate"), ("Service", "demo-web")}
    switched = {("PodDisruptionBudget", f"demo-{name}") for name in ("web", "worker")}
    switched |= {("HorizontalPodAutoscaler", "demo-web"), ("Ingress", "demo"), ("Service", "demo-nowhere")}

    assert [set(objects) for objects in rendered] == [
        always | switched,
        always | switched | {("NetworkPolicy", "demo-web")},
        always,
    ]


@pytest.mark.parametrize("name", ["web", "worker", "beat"])
def test_pods_start_what_the_procfile_starts(rendered: list[Objects], name: str) -> None:
    [container] = pod(rendered[0], "Deployment", f"demo-{name}")["containers"]
    command = [*container["command"], *container["args"]]

    assert procfile.missing(command, procfile.commands(HOST="0.0.0.0", PORT="8000")[name]) == []  # noqa: S104  # in a pod


def test_pods_end_after_their_streams(rendered: list[Objects]) -> None:
    web = pod(rendered[0], "Deployment", "demo-web")
    [container] = web["containers"]
    told = {item["name"]: item["value"] for item in container["env"]}
    pause_s = int(container["lifecycle"]["preStop"]["exec"]["command"][1])

    last_words_s = 5
    assert web["terminationGracePeriodSeconds"] > (
        pause_s + float(told["HANDOVER_S"]) + float(told["CHAT_DRAIN_S"]) + last_words_s
    )


def test_probes_ask_what_they_are_for(rendered: list[Objects]) -> None:
    [container] = pod(rendered[0], "Deployment", "demo-web")["containers"]
    asked = {name: probe["httpGet"]["path"] for name, probe in container.items() if name.endswith("Probe")}

    assert asked == {"startupProbe": "/healthz", "livenessProbe": "/healthz", "readinessProbe": "/readyz"}


def test_processes_scale_by_open_turns_where_that_is_wished(rendered: list[Objects]) -> None:
    metrics = [objects[("HorizontalPodAutoscaler", "demo-web")]["spec"]["metrics"] for objects in rendered[:2]]

    assert [[metric["type"] for metric in found] for found in metrics] == [["Resource"], ["Resource", "Pods"]]
    assert metrics[1][1]["pods"]["metric"] == {"name": "rivermouth_open_turns"}
    assert "replicas" not in rendered[0][("Deployment", "demo-web")]["spec"]  # the autoscaler's
    assert rendered[2][("Deployment", "demo-web")]["spec"]["replicas"] == 3


def test_there_is_one_beat_at_a_time(rendered: list[Objects]) -> None:
    beat = rendered[0][("Deployment", "demo-beat")]["spec"]

    assert (beat["replicas"], beat["strategy"]) == (1, {"type": "Recreate"})


def test_migrations_run_before_the_new_pods(rendered: list[Objects]) -> None:
    job = rendered[1][("Job", "demo-migrate")]
    [container] = job["spec"]["template"]["spec"]["containers"]

    assert job["metadata"]["annotations"]["helm.sh/hook"] == "pre-install,pre-upgrade"
    assert container["command"] == ["python", "manage.py", "migrate", "--noinput"]
    assert container["image"] == "rivermouth:1.2.3"


def test_settings_of_the_chart_exist(rendered: list[Objects]) -> None:
    [container] = pod(rendered[0], "Deployment", "demo-web")["containers"]
    told = {item["name"] for item in container["env"]}

    assert told - {"FORWARDED_ALLOW_IPS"} <= environment.names()  # that one is uvicorn's
    assert container["envFrom"] == [{"secretRef": {"name": "rivermouth"}}]


def test_streams_pass_the_ingress_and_inner_pages_do_not(rendered: list[Objects]) -> None:
    ingress = rendered[0][("Ingress", "demo")]
    paths = {path["path"]: path["backend"]["service"]["name"] for path in ingress["spec"]["rules"][0]["http"]["paths"]}

    assert ingress["metadata"]["annotations"]["nginx.ingress.kubernetes.io/proxy-buffering"] == "off"
    assert paths == {"/": "demo-web"} | dict.fromkeys(("/metrics", "/readyz", "/statusz"), "demo-nowhere")
