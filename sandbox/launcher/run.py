"""`make run`: everything on one machine, from an empty folder to three `curl` lines that work.

1. Refuse what cannot work: another run in this checkout, a busy port.
2. Start PostgreSQL and Redis where their URLs are unset, and stand in for the providers where `ARK_API_KEY` is.
3. Load the settings (a wrong one ends the run here) and keep them in `.local/run.env` for `manage.py`.
4. Bring the tables up to date; make the first admin, the demo app, its key and the models.
5. Run the Procfile's processes and the sandbox until a signal arrives, then end all of them in reverse order.

Everything that is kept is in `.local/`; without that folder the next run starts from nothing.
"""

import asyncio
import contextlib
import fcntl
import functools
import json
import os
import secrets
import signal
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import TextIO

import django
import redis
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import OperationalError, connection

from config import environment
from sandbox.launcher import children, invitation, private_files, services, supervisor

CHECKOUT = Path(__file__).resolve().parents[2]
LOCAL = CHECKOUT / ".local"
READY_WITHIN_S = 120
# On top of the time that open streams get; after that, what still runs is killed.
STOP_MARGIN_S = 10
SANDBOX = (
    "uvicorn sandbox.app:application --port {port} --no-access-log --log-level warning --timeout-graceful-shutdown 1"
    " --timeout-keep-alive 75"
)


class CannotRun(Exception):  # noqa: N818 - says what is the matter
    """Why the run cannot start, and what to do about it, in one line for the person at the terminal."""


def main() -> int:
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # also where it goes to a file
    if "MAKELEVEL" in os.environ:
        children.die_with_parent(signal.SIGTERM)  # if make is killed, nobody is left to stop us
    _at_stop_signals(_interrupt)
    try:
        with contextlib.ExitStack() as stack:
            _run(stack)
            _at_stop_signals(signal.SIG_IGN)
    except (CannotRun, ImproperlyConfigured, services.NotStarted, supervisor.ProcessEnded) as err:
        print(f"Rivermouth cannot run: {err}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        pass
    print("Stopped.")
    return 0


def _at_stop_signals(handler: "signal._HANDLER") -> None:
    for number in supervisor.STOP_SIGNALS:
        signal.signal(number, handler)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _run(stack: contextlib.ExitStack) -> None:
    os.chdir(CHECKOUT)
    LOCAL.mkdir(mode=0o700, exist_ok=True)
    stack.enter_context(_only_run_here())
    environment.read_file(CHECKOUT / environment.text("ENV_FILE", ".local/run.env"))
    web_url = _free_web_address()
    _start_services(stack)
    sandbox_url = _stand_in_for_providers()
    _load_settings(stack)
    _refuse_silent_servers()
    login, key = _fill_database()

    sandbox = {"sandbox": SANDBOX.format(port=sandbox_url.rpartition(":")[2])} if sandbox_url else {}
    invite = functools.partial(_invite, web_url, sandbox_url, login, key)
    stop_within_s = settings.HANDOVER_S + settings.DRAIN_S + STOP_MARGIN_S
    asyncio.run(supervisor.run([sandbox, _procfile()], stop_within_s=stop_within_s, when_started=invite))


@contextlib.contextmanager
def _only_run_here() -> Iterator[None]:
    """Hold the lock of this checkout; the system frees it however this process ends."""
    with _lock_file() as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise CannotRun(
                f"it already runs in this checkout, as process {lock.read()}. Ctrl-C there stops it"
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        (LOCAL / "run.env").unlink(missing_ok=True)  # left by a killed run
        yield


def _lock_file() -> TextIO:
    try:
        return (LOCAL / "run.lock").open("a+")
    except PermissionError as err:
        raise CannotRun(f"{LOCAL} belongs to another user. Remove it to start from nothing") from err


def _free_web_address() -> str:
    port = environment.integer("PORT", 8000, minimum=1, maximum=65535)
    host = environment.text("HOST", "127.0.0.1")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as err:
            raise CannotRun(
                f"port {port} of {host} cannot be used ({err.strerror}). Choose another: PORT={port + 1} make run"
            ) from err
    os.environ |= {"PORT": str(port), "HOST": host}
    return f"http://{'127.0.0.1' if host == '0.0.0.0' else host}:{port}"  # noqa: S104 - a comparison


def _start_services(stack: contextlib.ExitStack) -> None:
    starts: dict[str, Callable[[Path], services.Server]] = {
        "DATABASE_URL": services.start_postgres,
        "REDIS_URL": services.start_redis,
    }
    for name, start in starts.items():
        if os.environ.get(name):
            continue
        server = start(LOCAL)
        stack.callback(server.stop)
        os.environ[name] = server.url
        print(f"{start.__name__.removeprefix('start_')} started")


def _stand_in_for_providers() -> str | None:
    """Without a key for Ark, the sandbox plays Ark and Ocean Engine. Returns its URL."""
    if os.environ.get("ARK_API_KEY"):
        return None
    address = f"127.0.0.1:{services.free_port()}"
    url = f"http://{address}"
    os.environ |= {"ARK_API_KEY": "sandbox", "ARK_BASE_URL": f"{url}/api/v3"}
    for name in ("no_proxy", "NO_PROXY"):  # a developer's proxy does not reach the sandbox
        os.environ[name] = ",".join(filter(None, [os.environ.get(name), address]))
    _set_missing(OCEANENGINE_BASE_URL=url, OCEANENGINE_MARKETING_BASE_URL=url, OCEANENGINE_OAUTH_BASE_URL=url)
    _set_missing(OCEANENGINE_APP_ID="sandbox", OCEANENGINE_APP_SECRET="sandbox")  # noqa: S106  # the sandbox takes any
    return url


def _load_settings(stack: contextlib.ExitStack) -> None:
    secret_key = LOCAL / "secret_key"
    if not secret_key.exists():
        private_files.write(secret_key, secrets.token_urlsafe(50))
    _set_missing(
        DEBUG="1",
        SECRET_KEY=secret_key.read_text(),
        BEAT_SCHEDULE_FILE=str(LOCAL / "celerybeat-schedule"),
        PYTHONWARNINGS="ignore:You're running the worker with superuser",  # the README explains this
        DJANGO_SETTINGS_MODULE="config.settings",
    )
    django.setup()
    stack.enter_context(_run_env())


def _set_missing(**values: str) -> None:
    """Set the variables that are unset or empty."""
    for name, value in values.items():
        os.environ[name] = os.environ.get(name) or value


@contextlib.contextmanager
def _run_env() -> Iterator[None]:
    """While this runs, `manage.py` finds the same settings; afterwards the services no longer exist."""
    file = LOCAL / "run.env"
    private_files.write(file, environment.as_file(environment.given()))
    try:
        yield
    finally:
        file.unlink()


def _refuse_silent_servers() -> None:
    try:
        connection.ensure_connection()
    except OperationalError as err:
        raise CannotRun(f"PostgreSQL does not answer at DATABASE_URL: {err}") from err
    try:
        redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2).ping()
    except redis.RedisError as err:
        raise CannotRun(f"Redis does not answer at REDIS_URL: {err}") from err


def _fill_database() -> tuple[str, str]:
    """Return the admin login and the demo key."""
    from sandbox.launcher import logins  # noqa: PLC0415  # its models need the loaded settings

    print("updating the database tables")
    call_command("migrate", verbosity=0, interactive=False)
    password = logins.admin_password(LOCAL / "admin_password")
    login = f"{logins.ADMIN_NAME} / {password}" if password else "the password that you chose"
    key = logins.demo_key(LOCAL / "demo_key")
    connection.close()
    connection.close_pool()  # type: ignore[attr-defined]  # of the PostgreSQL backend; its threads would outlive this
    return login, key


async def _invite(web_url: str, sandbox_url: str | None, login: str, key: str) -> None:
    await asyncio.to_thread(_await_ready, web_url)
    model = next(iter(settings.ARK_MODELS))
    answer_file = LOCAL / "event.json"
    print(invitation.text(web_url, sandbox_url, login=login, key=key, model=model, answer_file=answer_file))


def _procfile() -> dict[str, str]:
    lines = (CHECKOUT / "Procfile").read_text().splitlines()
    return {name: command.strip() for name, _, command in (line.partition(":") for line in lines if line)}


def _await_ready(web_url: str) -> None:
    """Wait until the web server answers that the database, Redis and a worker are available."""
    give_up_at = time.monotonic() + READY_WITHIN_S
    while missing := _missing(web_url):
        if time.monotonic() > give_up_at:
            raise CannotRun(f"not ready after {READY_WITHIN_S} s: {missing}")
        time.sleep(0.1)


def _missing(web_url: str) -> str:
    """What is missing, according to the web server; "" if nothing is. An open breaker does not delay the start."""
    try:
        with urllib.request.urlopen(f"{web_url}/statusz", timeout=5) as answer:  # noqa: S310 - our own address
            said = answer.read()
    except urllib.error.HTTPError as err:
        said = err.read()
    except OSError as err:
        return str(err)
    parts = json.loads(said)
    return ", ".join(name for name in ("database", "redis", "worker") if not parts[name]["ok"])


if __name__ == "__main__":
    sys.exit(main())
