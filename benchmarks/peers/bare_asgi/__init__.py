"""A bare ASGI program on uvicorn that relays with aiohttp (app.py): what Python can do without a framework."""

from pathlib import Path

from benchmarks import cores, installing
from benchmarks.peers import LOGS, Relay, await_port
from sandbox.launcher.services import free_port

NAME = "bare ASGI + aiohttp"

_HERE = Path(__file__).parent


def install() -> None:
    installing.python("bare_asgi", _HERE / "requirements.txt")


def start(upstream_port: int) -> Relay:
    port, log = free_port(), LOGS / "bare_asgi.log"
    command = [installing.program("bare_asgi", "uvicorn"), "app:application", "--port", str(port), "--no-access-log"]
    command += ["--lifespan", "off", "--log-level", "warning"]
    env = {"UPSTREAM": f"http://127.0.0.1:{upstream_port}"}
    process = cores.start_server(command, log=log, env=env, folder=_HERE)
    await_port(process, port, log)
    return Relay(name=NAME, port=port, process=process)
