"""This backend as its Procfile starts it, with all that it does to a chat: authentication, limits, observation, record.

It is measured on both of its wire profiles. A second checkout can run beside this one, each with its own code and with
its own PostgreSQL and Redis on the load's core: two versions may differ in their tables, and Redis's channels are the
same in all of its databases.
"""

import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks import cores
from benchmarks.peers import LOCAL, LOGS, MODEL, UPSTREAM_KEY, Relay, await_port
from sandbox.launcher import services
from sandbox.launcher.services import free_port

NAME = "rivermouth"
APP_PROFILE = "app profile"

_CHECKOUT = Path(__file__).resolve().parent.parent.parent.parent
_MODELS = """\
[providers.bench]
base_url = "http://127.0.0.1:{upstream_port}/v1"
api_key_env = "BENCH_UPSTREAM_KEY"
dialect = "openai"
[models.{model}]
routes = [{{ provider = "bench", model = "doubao-1-5-pro-32k-250115" }}]
"""


@dataclass(frozen=True, kw_only=True)
class Site:
    """A checkout with the servers that it works on; `name` is its name in the report's tables, `env` its settings."""

    name: str
    folder: Path
    services: services.Services
    env: Mapping[str, str]

    def with_settings(self, settings: Mapping[str, str]) -> "Site":
        return replace(self, env={**self.env, **settings})

    def manage(self, *arguments: str) -> str:
        """Run a management command and return what it printed. Raises: RuntimeError with what it wrote."""
        return self._run("python", "manage.py", *arguments)

    def wake_worker(self) -> None:
        """Make the worker look for due conversions, as beat does every five seconds."""
        self._run("celery", "--app", "config", "call", "attribution.deliver")

    def _run(self, program: str, *arguments: str) -> str:
        command = [self._program(program), *arguments]
        env = os.environ | self.env
        done = subprocess.run(command, cwd=self.folder, env=env, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{self.name}: {program} {' '.join(arguments)}: {done.stderr[-1000:]}")
        return done.stdout.strip()

    def start_relays(self, upstream_port: int) -> list[Relay]:
        """One process, twice: the OpenAI profile and the app profile."""
        models = self.services_folder / "models.toml"
        models.write_text(_MODELS.format(upstream_port=upstream_port, model=MODEL))
        self.manage("sync_models", str(models))
        key = self.manage("issue_key", f"bench-{secrets.token_hex(4)}")
        process, port = self.start_web()
        openai = Relay(name=self.name, port=port, process=process, headers={"Authorization": f"Bearer {key}"})
        app = replace(
            openai,
            name=app_profile_of(self.name),
            path="/api/chat/",
            fields={"model": MODEL},
            end_marker=b"event: done",
            is_resumable=True,
        )
        return [openai, app]

    def start_web(self) -> tuple[subprocess.Popen[bytes], int]:
        """Returns the process and its port."""
        port, log = free_port(), self._log("web")
        command = self._procfile("web", {"$HOST": "127.0.0.1", "$PORT": str(port)})
        process = cores.start_server(command, log=log, env=self.env, folder=self.folder)
        await_port(process, port, log)
        return process, port

    def start_worker(self) -> subprocess.Popen[bytes]:
        command = self._procfile("worker", {})
        return cores.start_server(command, log=self._log("worker"), env=self.env, folder=self.folder)

    @property
    def services_folder(self) -> Path:
        return _services_folder(self.name)

    def _log(self, process: str) -> Path:
        return LOGS / f"{self.services_folder.name}-{process}.log"

    def _procfile(self, name: str, values: Mapping[str, str]) -> list[str]:
        """The command of this name, on this checkout's interpreter."""
        lines = (line.partition(":") for line in (self.folder / "Procfile").read_text().splitlines())
        [command] = [command for process, _, command in lines if process == name]
        program, *arguments = [values.get(word, word) for word in command.split()]
        return [self._program(program), *arguments]

    def _program(self, name: str) -> str:
        """From the checkout's own virtual environment if it has one, otherwise from ours."""
        own = self.folder / ".venv" / "bin"
        return str((own if own.exists() else Path(sys.executable).parent) / name)


def app_profile_of(name: str) -> str:
    return f"{name}, {APP_PROFILE}"


def name_of(folder: Path | None) -> str:
    """The name, in the report's tables, of the checkout in this folder; None: this checkout."""
    return NAME if folder is None else f"{NAME} ({folder})"


def set_up(folder: Path | None = None) -> Site:
    """Start the services for a checkout (None: this one) and make its tables; `site.services.stop()` ends them."""
    name = name_of(folder)
    shutil.rmtree(_services_folder(name), ignore_errors=True)  # the tables of another version
    running = services.start(_services_folder(name))
    cores.go_first(running.postgres.process.pid)
    cores.go_first(running.redis.process.pid)
    site = on(running)
    if folder is not None:
        # Compiled modules are cached, as for this checkout, but outside the other checkout's folder.
        settings = {"PYTHONPYCACHEPREFIX": str(LOCAL / "pycache")}
        site = replace(site, name=name, folder=folder).with_settings(settings)
    try:
        site.manage("migrate", "--verbosity", "0")
    except BaseException:
        running.stop()
        raise
    return site


def on(running: services.Services) -> Site:
    """This checkout on running servers, as in production, except for TLS and the limits that the load would hit."""
    env = {
        "DATABASE_URL": running.database_url,
        "REDIS_URL": running.redis_url,
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
    return Site(name=NAME, folder=_CHECKOUT, services=running, env=env)


def _services_folder(name: str) -> Path:
    return LOCAL / ("services" if name == NAME else "services-of-other")
