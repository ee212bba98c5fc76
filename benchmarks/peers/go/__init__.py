"""Go's `net/http` in and out, every chunk decoded (main.go)."""

import os
import shutil
import subprocess
from pathlib import Path

from benchmarks import cores
from benchmarks.peers import LOCAL, LOGS, NotInstalled, Relay, await_port
from sandbox.launcher.services import free_port

NAME = "Go net/http"

_BINARY = LOCAL / "go" / "relay"


def install() -> None:
    go = shutil.which("go")
    if go is None:
        raise NotInstalled("no Go on this machine (Debian: apt install golang-go)")
    source = Path(__file__).parent / "main.go"
    if _BINARY.exists() and _BINARY.stat().st_mtime > source.stat().st_mtime:
        return
    env = os.environ | {"GOCACHE": str(LOCAL / "go" / "cache"), "GOFLAGS": "-mod=mod"}
    subprocess.run([go, "build", "-o", str(_BINARY), str(source)], check=True, env=env)


def start(upstream_port: int) -> Relay:
    port, log = free_port(), LOGS / "go.log"
    env = {"UPSTREAM": f"http://127.0.0.1:{upstream_port}", "LISTEN": f"127.0.0.1:{port}", "GOMAXPROCS": "1"}
    process = cores.start_server([str(_BINARY)], log=log, env=env)
    await_port(process, port, log)
    return Relay(name=NAME, port=port, process=process)
