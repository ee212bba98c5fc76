"""Portkey's open-source gateway, from npm.

With the version of `@hono/node-server` that npm picks by default, every answer is a 500 ("immutable"), see
https://github.com/Portkey-AI/gateway/issues/1389; package.json has one that works.
"""

from pathlib import Path

from benchmarks import cores, installing
from benchmarks.peers import LOGS, Relay, await_port
from sandbox.launcher.services import free_port

NAME = "Portkey gateway"

_HERE = Path(__file__).parent


def install() -> None:
    installing.node("portkey", [_HERE / "package.json"])


def start(upstream_port: int) -> Relay:
    port, log = free_port(), LOGS / "portkey.log"
    script = installing.folder("portkey") / "node_modules" / "@portkey-ai" / "gateway" / "build" / "start-server.js"
    command = ["node", str(script), f"--port={port}", "--headless"]
    # Without it the gateway refuses providers on the local network.
    env = {"NODE_ENV": "production", "TRUSTED_CUSTOM_HOSTS": "127.0.0.1,localhost"}
    process = cores.start_server(command, log=log, env=env)
    await_port(process, port, log)
    headers = {"x-portkey-provider": "openai", "x-portkey-custom-host": f"http://127.0.0.1:{upstream_port}/v1"}
    return Relay(name=NAME, port=port, process=process, headers=headers)
