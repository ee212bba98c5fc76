"""NestJS with axios, as tutorials teach it (main.ts)."""

from pathlib import Path

from benchmarks import cores, installing
from benchmarks.peers import LOGS, UPSTREAM_KEY, Relay, await_port
from sandbox.launcher.services import free_port

NAME = "NestJS + axios"

_HERE = Path(__file__).parent


def install() -> None:
    installing.node("nestjs", [_HERE / "package.json", _HERE / "tsconfig.json", _HERE / "main.ts"], build="build")


def start(upstream_port: int) -> Relay:
    port, log = free_port(), LOGS / "nestjs.log"
    env = {
        "UPSTREAM": f"http://127.0.0.1:{upstream_port}",
        "UPSTREAM_KEY": UPSTREAM_KEY,
        "PORT": str(port),
        "NODE_ENV": "production",
    }
    command = ["node", str(installing.folder("nestjs") / "dist" / "main.js")]
    process = cores.start_server(command, log=log, env=env)
    await_port(process, port, log)
    # The result is not a valid OpenAI stream: it ends without a terminal event.
    return Relay(name=NAME, port=port, process=process, end_marker=b"")
