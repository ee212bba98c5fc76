from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from config import environment as env


@pytest.mark.parametrize(
    ("read", "value", "expected"),
    [
        (lambda: env.text("X"), "a text", "a text"),
        (lambda: env.text("X", "default"), "", "default"),
        (lambda: env.flag("X", default=False), "Yes", True),
        (lambda: env.flag("X", default=True), "off", False),
        (lambda: env.flag("X", default=True), "", True),
        (lambda: env.integer("X", 7), "", 7),
        (lambda: env.integer("X", 7, minimum=1, maximum=9), "9", 9),
        (lambda: env.seconds("X", 5), "0.25", 0.25),
        (lambda: env.choice("X", "a", ["a", "b"]), "b", "b"),
        (lambda: env.listing("X"), " a, ,b ,", ["a", "b"]),
        (lambda: env.integers("X", "5,30"), "", [5, 30]),
        (lambda: env.pairs("X", ""), "chat = m-1, big=m-2=x", {"chat": "m-1", "big": "m-2=x"}),
        (
            lambda: env.hosts("X", ""),
            "*, .example.com,localhost,[::1],my_host",
            ["*", ".example.com", "localhost", "[::1]", "my_host"],
        ),
        (
            lambda: env.origins("X"),
            "https://App.example.com, capacitor://localhost,http://localhost:5173",
            ["https://app.example.com", "capacitor://localhost", "http://localhost:5173"],
        ),
        (lambda: env.origins("X"), "*", ["*"]),
        (lambda: env.url("X"), "https://example.com/v1/", "https://example.com/v1"),
        (lambda: env.url("X", schemes=["unix"]), "unix:///run/redis.sock", "unix:///run/redis.sock"),
        (lambda: env.time_zone("X", "UTC"), "Asia/Shanghai", "Asia/Shanghai"),
    ],
)
def test_value_is_read(monkeypatch: pytest.MonkeyPatch, read: Any, value: str, expected: Any) -> None:
    monkeypatch.setenv("X", value)

    assert read() == expected


@pytest.mark.parametrize(
    ("read", "value", "complaint"),
    [
        (lambda: env.text("X"), "", "X is not set: it is required"),
        (
            lambda: env.flag("X", default=True),
            "maybe",
            "X='maybe': not a flag; one of 1, true, yes, on, 0, false, no, off",
        ),
        (lambda: env.integer("X", 7), "seven", "X='seven': not a whole number"),
        (lambda: env.integer("X", 7), "1.5", "X='1.5': not a whole number"),
        (lambda: env.integer("X", 7), "-1", "X=-1: out of range, at least 0"),
        (lambda: env.integer("X", 7, minimum=1, maximum=9), "10", "X=10: out of range, 1 to 9"),
        (lambda: env.seconds("X", 5), "soon", "X='soon': not a number"),
        (lambda: env.seconds("X", 5), "0", "X=0.0: out of range, 0.001 to 31622400"),
        (lambda: env.seconds("X", 5), "nan", "X=nan: out of range, 0.001 to 31622400"),
        (lambda: env.seconds("X", 5), "inf", "X=inf: out of range, 0.001 to 31622400"),
        (lambda: env.choice("X", "a", ["a", "b"]), "c", "X='c': not one of a, b"),
        (lambda: env.integers("X", ""), "5,-3", "X=-3: out of range, at least 0"),
        (lambda: env.pairs("X", ""), "chat", "X: 'chat' is not of the form key=value"),
        (lambda: env.pairs("X", ""), "a=b,a=c", "X: 'a' is there twice"),
        (
            lambda: env.hosts("X", ""),
            "a.example,https://b.example",
            "X: 'https://b.example' is not a host name such as rivermouth.example.com",
        ),
        (
            lambda: env.hosts("X", ""),
            "a.example:80",
            "X: 'a.example:80' is not a host name such as rivermouth.example.com",
        ),
        *(
            (lambda: env.origins("X"), word, f"X: {word!r} is neither an origin such as https://app.example.com nor *")
            for word in ("app.example.com", "https://a.example/", "https://", "https://a b", "https://u:p@a.example")
        ),
        (lambda: env.pairs("X", ""), "=m", "X: '=m' is not of the form key=value"),
        (lambda: env.url("X"), "example.com", "X='example.com': not a URL that starts with http or https"),
        (lambda: env.url("X"), "http://a:b/", "X='http://a:b/': not a URL that starts with http or https"),
        (
            lambda: env.database("X"),
            "mysql://u:secret@h/d",
            "X='mysql://…@h/d': not a URL that starts with postgres or postgresql",
        ),
        (
            lambda: env.database("X"),
            "postgres://u:secret@h:p/d",
            "X='postgres://…@h:p/d': not a URL that starts with postgres or postgresql",
        ),
        (lambda: env.time_zone("X", "UTC"), "Mars/Olympus", "X='Mars/Olympus': not a time zone such as Asia/Shanghai"),
        (lambda: env.encryption_keys("X"), "secret", "X: key 1 is not 32 bytes in URL-safe base64"),
        (lambda: env.encryption_keys("X"), ",", "X has no key"),
    ],
)
def test_wrong_value_is_refused_with_its_name(
    monkeypatch: pytest.MonkeyPatch, read: Any, value: str, complaint: str
) -> None:
    monkeypatch.setenv("X", value)

    with pytest.raises(ImproperlyConfigured) as refusal:
        read()

    assert str(refusal.value) == complaint


def test_database_url_with_odd_characters_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("X", "postgresql://an%20owner:p%40ss@db.example:5433/sales?sslmode=require")

    database = env.database("X")

    assert (database["USER"], database["PASSWORD"], database["HOST"]) == ("an owner", "p@ss", "db.example")
    assert (database["PORT"], database["NAME"], database["OPTIONS"]) == (5433, "sales", {"sslmode": "require"})


def test_environment_goes_before_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("IN_BOTH", "environment")
    monkeypatch.setenv("IN_FILE", "")
    monkeypatch.delenv("IN_FILE")  # so that what the file sets is taken back after the test
    file = tmp_path / "run.env"
    file.write_text("IN_BOTH='file'\nIN_FILE='a b/c'\n")

    env.read_file(file)

    assert (env.text("IN_BOTH"), env.text("IN_FILE")) == ("environment", "a b/c")


@pytest.mark.parametrize(
    "value", ["plain", "a b/c", "it's", 'a "quoted" word', "back\\slash\\", "$HOME #1 = 2", "中文"]
)
def test_file_reads_back(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, value: str) -> None:
    monkeypatch.setenv("IN_FILE", "")
    monkeypatch.delenv("IN_FILE")  # so that what the file sets is taken back after the test
    file = tmp_path / "run.env"
    file.write_text(env.as_file({"IN_FILE": value}))

    env.read_file(file)

    assert env.text("IN_FILE") == value


def test_given_are_the_variables_that_were_read_and_are_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("READ_AND_SET", "1")
    monkeypatch.setenv("ONLY_SET", "1")
    env.text("READ_AND_SET")
    env.text("ONLY_READ", "default")

    given = env.given()

    assert [name for name in ("READ_AND_SET", "ONLY_SET", "ONLY_READ") if name in given] == ["READ_AND_SET"]
