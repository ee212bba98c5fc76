"""This backend as the Procfile starts it, with all that it does to a chat: authentication, limits, observation, record.

PostgreSQL and Redis are started for it, on the load's core. It is measured on both of its wire profiles.
"""

import os
import secrets
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from benchmarks import cores
from benchmarks.peers import LOCAL, LOGS, MODEL, UPSTREAM_KEY, Relay, await_port
from sandbox.launcher import services
from sandbox.launcher.services import free_port

NAME = "rivermouth"

_CHECKOUT = Path(__file__).resolve().parent.parent.parent.parent
_MODELS = """\
[providers.bench]
base_url = "http://127.0.0.1:{upstream_port}/v1"
api_key_env = "BENCH_UPSTREAM_KEY"
dialect = "openai"
[models.{model}]
routes = [{{ provider = "bench", model = "doubao-1-5-pro-32k-250115" }}]
"""


def start_services() -> services.Services:
    started = services.start(LOCAL / "services")
    cores.go_first(started.postgres.process.pid)
    cores.go_first(started.redis.process.pid)
    return started


def environment(of: services.Services) -> dict[str, str]:
    """The settings of a production process, but for TLS in front and a limit that the load would hit."""
    return {
        "DATABASE_URL": of.database_url,
        "REDIS_URL": of.redis_url,
        "DEBUG": "0",
        "SECRET_KEY": "bench-only-" + "0123456789abcdef" * 4,
        "FIELD_ENCRYPTION_KEY": "YmVuY2gtb25seS1rZXktMzItYnl0ZXMtbG9uZy0wMDE=",
        "HTTPS_ONLY": "0",
        "LOG_LEVEL": "WARNING",
        "BENCH_UPSTREAM_KEY": UPSTREAM_KEY,
        "ARK_API_KEY": UPSTREAM_KEY,
        "API_REQUESTS_PER_MINUTE": "100000000",
        "CHAT_REQUESTS_PER_MINUTE": "100000000",
        "CHAT_CONCURRENT_STREAMS": "100000",
        "ENV_FILE": os.devnull,
    }


def manage(env: Mapping[str, str], *arguments: str) -> str:
    """Run a management command and return what it printed."""
    command = [sys.executable, "manage.py", *arguments]
    done = subprocess.run(command, cwd=_CHECKOUT, env=os.environ | env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"manage.py {' '.join(arguments)}: {done.stderr[-1000:]}")
    return done.stdout.strip()


def start(upstream_port: int, env: Mapping[str, str]) -> list[Relay]:
    """The relay: one process, twice: the OpenAI profile and the app profile."""
    models = LOCAL / "models.toml"
    models.write_text(_MODELS.format(upstream_port=upstream_port, model=MODEL))
    manage(env, "sync_models", str(models))
    key = manage(env, "issue_key", f"bench-{secrets.token_hex(4)}")
    process, port = start_web(env)
    headers = {"Authorization": f"Bearer {key}"}
    return [
        Relay(name=NAME, port=port, process=process, headers=headers),
        Relay(
            name=f"{NAME}, app profile",
            port=port,
            process=process,
            headers=headers,
            path="/api/chat/",
            fields={"model": MODEL},
            end_marker=b"event: done",
            is_resumable=True,
        ),
    ]


def start_web(env: Mapping[str, str]) -> tuple[subprocess.Popen[bytes], int]:
    """Returns the process and its port."""
    port, log = free_port(), LOGS / "rivermouth-web.log"
    command = _procfile("web", {"$HOST": "127.0.0.1", "$PORT": str(port)})
    process = cores.start_server(command, log=log, env=env, folder=_CHECKOUT)
    await_port(process, port, log)
    return process, port


def start_worker(env: Mapping[str, str]) -> subprocess.Popen[bytes]:
    log = LOGS / "rivermouth-worker.log"
    return cores.start_server(_procfile("worker", {}), log=log, env=env, folder=_CHECKOUT)


def _procfile(name: str, values: Mapping[str, str]) -> list[str]:
    """The command of this name, on this interpreter."""
    lines = (line.partition(":") for line in (_CHECKOUT / "Procfile").read_text().splitlines())
    [command] = [command for process, _, command in lines if process == name]
    program, *arguments = [values.get(word, word) for word in command.split()]
    return [str(Path(sys.executable).parent / program), *arguments]
