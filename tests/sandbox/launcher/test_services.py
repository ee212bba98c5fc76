import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

import psutil
import psycopg
import pytest
import redis

from sandbox.launcher import services
from tests.servers import eventually

ROOT = Path(__file__).resolve().parents[3]
STARTS: Mapping[str, Callable[[Path], services.Server]] = {
    "postgres": partial(services.start_postgres, is_throwaway=True),
    "redis": services.start_redis,
}


@pytest.fixture
def folder() -> Iterator[Path]:
    """Deeper than a Unix socket's path may be, with a blank.

    Not pytest's: what another run of pytest does to the folder above those keeps PostgreSQL's user out.
    """
    with TemporaryDirectory(prefix="rivermouth-") as parent:
        yield Path(parent, "a folder", "deep" * 30)


@pytest.fixture
def killed(folder: Path) -> Iterator[list[psutil.Process]]:
    """The servers of a process that was killed after it had started them."""
    program = (
        "import sys, time; from pathlib import Path; from sandbox.launcher import services\n"
        "started = services.start(Path(sys.argv[1]))\n"
        "print(started.postgres.process.pid, started.redis.process.pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-c", program, str(folder)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        servers = [psutil.Process(int(pid)) for pid in process.stdout.readline().split()]
        os.kill(process.pid, signal.SIGKILL)
    yield servers
    for server in servers:
        assert not server.is_running()


def test_both_answer_and_stop(folder: Path) -> None:
    started = services.start(folder, is_throwaway=True)

    with psycopg.connect(started.database_url) as connection:
        [version] = connection.execute("SHOW server_version_num").fetchone() or [None]
    with redis.Redis.from_url(started.redis_url) as client:
        client.set("key", "value")
    started.stop()

    assert version is not None
    assert version.startswith("18")
    assert started.postgres.process.returncode == 0
    assert started.redis.process.returncode == 0


def test_data_stay_in_postgres_and_not_in_redis(folder: Path) -> None:
    first = services.start(folder)
    with psycopg.connect(first.database_url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS number")
    with redis.Redis.from_url(first.redis_url) as client:
        client.set("key", "value")
    first.stop()

    second = services.start(folder)

    with psycopg.connect(second.database_url) as connection:
        assert connection.execute("SELECT number FROM kept").fetchall() == [(42,)]
    with redis.Redis.from_url(second.redis_url) as client:
        assert client.get("key") is None
    second.stop()


def test_port_that_another_process_takes_meanwhile_is_left_to_it(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ports: list[int] = []

        def start(port: int) -> services.Server:
            ports.append(port if ports else taken.getsockname()[1])
            return services.start_redis(folder, url=f"redis://:secret@127.0.0.1:{ports[-1]}/0")

        server = services.at_a_free_port(start)

    assert server.url == f"redis://:secret@127.0.0.1:{ports[1]}/0"
    server.stop()


def test_postgres_says_that_its_port_is_taken(folder: Path) -> None:
    running = services.start_postgres(folder / "one", is_throwaway=True)

    with pytest.raises(services.PortTaken, match="Address already in use"):
        services.start_postgres(folder / "two", is_throwaway=True, settings={"port": str(urlsplit(running.url).port)})

    running.stop()


def test_wrong_password_is_refused(folder: Path) -> None:
    server = services.start_postgres(folder, is_throwaway=True)

    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(server.url.replace("postgres:", "postgres:x", 1))

    server.stop()


def test_servers_end_with_a_killed_process(killed: list[psutil.Process]) -> None:
    running = eventually(lambda: [server for server in killed if server.is_running()], lambda running: not running)

    assert running == []


def test_start_after_a_killed_process(killed: list[psutil.Process], folder: Path) -> None:
    started = services.start(folder)

    with psycopg.connect(started.database_url) as connection:
        assert connection.execute("SELECT 1").fetchall() == [(1,)]
    started.stop()


@pytest.mark.parametrize("name", STARTS)
def test_process_id_of_another_folders_server_is_left_alone(folder: Path, name: str) -> None:
    start = STARTS[name]
    other = start(folder / "other")
    mine = folder / "mine"
    mine.mkdir()
    (mine / f"{name}.pid").write_text(str(other.process.pid))

    started = start(mine)

    assert other.process.poll() is None
    started.stop()
    other.stop()


@pytest.mark.parametrize("name", STARTS)
def test_server_left_in_the_folder_is_ended_by_the_next_start(folder: Path, name: str) -> None:
    start = STARTS[name]
    left = start(folder)

    started = start(folder)

    assert left.process.wait(0) == 0
    started.stop()


def test_unfinished_cluster_is_made_again(folder: Path) -> None:
    (folder / "postgres.unfinished").mkdir(parents=True)
    (folder / "postgres.unfinished" / "PG_VERSION").write_text("18")

    server = services.start_postgres(folder, is_throwaway=True)

    with psycopg.connect(server.url) as connection:
        assert connection.execute("SELECT 1").fetchall() == [(1,)]
    server.stop()


def test_broken_cluster_shows_the_log(folder: Path) -> None:
    services.start_postgres(folder, is_throwaway=True).stop()
    (folder / "postgres" / "postgresql.conf").write_text("nonsense = 1\n")

    with pytest.raises(services.NotStarted, match='unrecognized configuration parameter "nonsense"'):
        services.start_postgres(folder, is_throwaway=True)
