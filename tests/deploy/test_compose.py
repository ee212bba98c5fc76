"""The compose file: parsed, filled in, and compared with what it names. No container engine starts it."""

import re
import shlex

import pytest

from tests.deploy import procfile
from tests.deploy.compose import FILE, Refused, interpolated
from tests.servers import ROOT

PASSWORD = "pa$s/wo#rd"  # what a URL or a shell would break at
OURS = {"migrate", "web-1", "web-2", "worker", "beat"}


def test_start_without_a_password_is_refused() -> None:
    with pytest.raises(Refused, match=r"set it in \.env, and start with --env-file \.env"):
        interpolated({})


def test_password_reaches_database_and_processes_whole() -> None:
    services = interpolated({"POSTGRES_PASSWORD": PASSWORD})["services"]

    assert services["postgres"]["environment"]["POSTGRES_PASSWORD"] == PASSWORD
    assert {services[name]["environment"]["PGPASSWORD"] for name in OURS} == {PASSWORD}


@pytest.mark.parametrize("name", ["worker", "beat"])
def test_containers_start_what_the_procfile_starts(name: str) -> None:
    command = interpolated({"POSTGRES_PASSWORD": "x"})["services"][name]["command"]

    assert procfile.missing(shlex.split(command), procfile.commands()[name]) == []


def test_containers_get_the_time_to_end() -> None:
    services = interpolated({"POSTGRES_PASSWORD": "x"})["services"]

    # HANDOVER_S, CHAT_DRAIN_S, last words
    assert all(int(services[name]["stop_grace_period"].rstrip("s")) > 6 + 10 + 5 for name in OURS)


def test_whole_is_complete() -> None:
    whole = interpolated({"POSTGRES_PASSWORD": "x"})
    services = whole["services"]

    assert OURS | {"nginx", "postgres", "redis"} == set(services)
    for service in services.values():
        assert set(service.get("depends_on", {})) <= set(services)
        for volume in service.get("volumes", []):
            source = volume.partition(":")[0]
            # deploy/tls is the operator's, for nginx-tls.conf alone.
            is_known = source in whole["volumes"] or source == "./tls" or (FILE.parent / source).is_file()
            assert is_known, source
    assert (FILE.parent / services["web-1"]["build"]["context"]).resolve() == ROOT
    fronted = re.findall(r"server (web-\d):8000", (ROOT / "deploy/upstream.conf").read_text())
    assert set(fronted) <= set(services)
