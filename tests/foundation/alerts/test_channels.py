"""Each kind of channel against a server that checks what the vendor checks."""

import time
from datetime import UTC, datetime

import pytest
from django.utils import timezone
from pytest_django import Settings

from foundation.alerts.channels import KINDS, dingtalk, feishu, posting, webhook
from foundation.alerts.channels.channel_kind import Address, Message, NotSentError
from tests.foundation.alerts.robots import SECRETS, TOKEN, Mailbox, Robots

MESSAGE = Message(id="alert-1", title="Rivermouth: kiln", text="[Rivermouth] 窑 <hot> & burning", facts=[{"key": "k"}])
ROBOTS = ["feishu", "dingtalk", "wecom", "slack", "webhook"]


def send(kind: str, address: Address) -> str:
    return KINDS[kind].send(address, MESSAGE, timezone.now())


def address(robots: Robots, kind: str) -> Address:
    return Address(url=robots.address(kind), secret=SECRETS[kind])


@pytest.mark.parametrize("kind", ROBOTS)
def test_robot_takes_the_text(robot_server: Robots, kind: str) -> None:
    answer = send(kind, address(robot_server, kind))

    [text] = robot_server.taken
    assert text == (MESSAGE.text if kind != "slack" else "[Rivermouth] 窑 &lt;hot&gt; &amp; burning")
    assert answer.startswith("HTTP 200")


@pytest.mark.parametrize(
    ("kind", "answer"),
    [
        ("feishu", 'HTTP 200 {"code":19021,'),
        ("dingtalk", 'HTTP 200 {"errcode":310000,'),
        ("webhook", "HTTP 401 bad signature"),
    ],
)
def test_wrong_secret_is_refused_with_the_answer(robot_server: Robots, kind: str, answer: str) -> None:
    with pytest.raises(NotSentError) as refused:
        send(kind, Address(url=robot_server.address(kind), secret="another"))

    assert str(refused.value).startswith(answer)
    assert robot_server.taken == []


def test_webhook_is_json_with_the_facts(robot_server: Robots) -> None:
    send("webhook", address(robot_server, "webhook"))

    [body], [headers] = robot_server.bodies, robot_server.headers
    assert body["type"] == "rivermouth.alerts"
    assert body["data"] == {"title": MESSAGE.title, "text": MESSAGE.text, "alerts": [{"key": "k"}]}
    assert (headers["webhook-id"], headers["user-agent"]) == ("alert-1", "rivermouth")


def test_signatures_are_those_of_the_vendors_examples() -> None:
    """Feishu's and Standard Webhooks' pages give no result of their examples: made with OpenSSL from their formulas.

    printf '' | openssl dgst -sha256 -hmac $'1599360473\\nsecret' -binary | base64
    """
    at = 1599360473

    assert feishu.signature("secret", at) == "q4jswNiMy51J5JuQV566yJat0/lQ/c+22kINzUgKsGU="
    assert dingtalk.signature("SECabc", at * 1000) == "3SJkK5Fm70JVVkwmvZFkgdPlr53Kn2utLHLz9DzuOSc="
    assert webhook.signature("plain", "msg_1", at, b"{}") == "v1,hNe+mubNTqFYyZO4qiIbizib8tymwIUIoLZ0thotyrU="


def test_robot_without_a_secret_is_sent_no_signature(robot_server: Robots) -> None:
    with pytest.raises(NotSentError):
        send("feishu", Address(url=robot_server.address("feishu")))
    with pytest.raises(NotSentError):
        send("dingtalk", Address(url=robot_server.address("dingtalk")))

    assert robot_server.asked == 2


@pytest.mark.parametrize(
    ("kind", "answer"),
    [
        ("feishu", b'{"code":11232,"msg":"frequency limited"}'),
        ("dingtalk", b'{"errcode":130101,"errmsg":"send too fast"}'),
        ("wecom", b'{"errcode":45009,"errmsg":"api freq out of limit"}'),
    ],
)
def test_robot_that_was_told_too_much_is_left_alone(robot_server: Robots, kind: str, answer: bytes) -> None:
    robot_server.fault = (200, {}, answer)

    with pytest.raises(NotSentError) as refused:
        send(kind, address(robot_server, kind))

    assert refused.value.retry_after_s == 600


@pytest.mark.parametrize("kind", ["feishu", "dingtalk", "wecom", "slack"])
@pytest.mark.parametrize("answer", [b"", b"<html>", b"[]", b'{"code":null}', b"[" * 100_000, b"\xff\x00"])
def test_answer_not_from_the_vendor_does_not_count_as_accepted(robot_server: Robots, kind: str, answer: bytes) -> None:
    robot_server.fault = (200, {}, answer)

    with pytest.raises(NotSentError):
        send(kind, address(robot_server, kind))


@pytest.mark.parametrize("kind", ROBOTS)
def test_status_is_told_with_how_long_to_wait(robot_server: Robots, kind: str) -> None:
    robot_server.fault = (429, {"Retry-After": "7"}, b"slow down")

    with pytest.raises(NotSentError, match="HTTP 429 slow down") as refused:
        send(kind, address(robot_server, kind))

    assert refused.value.retry_after_s == 7


def test_redirect_is_not_followed(robot_server: Robots) -> None:
    robot_server.fault = (307, {"Location": robot_server.address("slack")}, b"")

    with pytest.raises(NotSentError, match="HTTP 307"):
        send("webhook", address(robot_server, "webhook"))

    assert robot_server.asked == 1


def test_proxies_of_the_environment_are_not_asked(robot_server: Robots, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9/")

    send("webhook", address(robot_server, "webhook"))

    assert len(robot_server.taken) == 1


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://127.0.0.1/", "http://", "gopher://x", "http://[", "//x/"])
def test_only_http_is_spoken(url: str) -> None:
    with pytest.raises(NotSentError):
        posting.post(url, b"{}")


def test_error_tells_nothing_of_the_address() -> None:
    with pytest.raises(NotSentError) as failed:
        send("slack", Address(url=f"http://127.0.0.1:9/services/{TOKEN}"))

    assert str(failed.value) == "ConnectionRefusedError"


def test_dripping_answer_is_cut(robot_server: Robots, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(posting, "TOTAL_S", 0.5)
    robot_server.fault, robot_server.drips = (200, {"Content-Length": "10000"}, b""), True

    began = time.monotonic()
    with pytest.raises(NotSentError):
        send("slack", address(robot_server, "slack"))

    assert time.monotonic() - began < 3


def test_long_answer_is_cut(robot_server: Robots) -> None:
    robot_server.fault = (500, {}, b"x" * 1_000_000)

    with pytest.raises(NotSentError) as failed:
        send("slack", address(robot_server, "slack"))

    assert len(str(failed.value)) < 600


def test_email_is_sent_by_smtp(mail_server: Mailbox, settings: Settings) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_USE_TLS = "127.0.0.1", mail_server.port, False

    answer = KINDS["email"].send(Address(recipients=["a@x.test", "b@x.test"]), MESSAGE, datetime.now(tz=UTC))

    [(recipients, mail)] = mail_server.mails
    assert recipients == ["a@x.test", "b@x.test"]
    assert (mail["Subject"], mail["From"]) == ("Rivermouth: kiln", settings.DEFAULT_FROM_EMAIL)
    assert mail.get_payload(decode=True) == (MESSAGE.text + "\r\n").encode()
    assert answer == "taken by 127.0.0.1"


def test_email_without_a_server_says_so(settings: Settings) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_USE_TLS = "127.0.0.1", 9, False
    with pytest.raises(NotSentError, match="ConnectionRefusedError"):
        send("email", Address(recipients=["a@x.test"]))

    settings.EMAIL_HOST = ""
    with pytest.raises(NotSentError, match="EMAIL_HOST is not set"):
        send("email", Address(recipients=["a@x.test"]))
