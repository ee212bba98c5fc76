"""A real HTTP server that plays the vendors' robots, and a real SMTP server: they check what the vendors check.

The signatures are computed here as the vendors' pages say, by code of its own.
"""

import base64
import hashlib
import hmac
import json
import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

SECRET = "SEC-a-secret-of-the-robot"
TOKEN = "0a1b2c3d-token-of-the-robot"
WEBHOOK_SECRET = "whsec_" + base64.b64encode(b"a key of the webhook, 32 bytes..").decode()
PATHS = {
    "feishu": f"/open-apis/bot/v2/hook/{TOKEN}",
    "dingtalk": f"/robot/send?access_token={TOKEN}",
    "wecom": f"/cgi-bin/webhook/send?key={TOKEN}",
    "slack": f"/services/T000/B000/{TOKEN}",
    "webhook": f"/webhook/{TOKEN}",
}
SECRETS = {"feishu": SECRET, "dingtalk": SECRET, "wecom": "", "slack": "", "webhook": WEBHOOK_SECRET}

Reply = tuple[int, dict[str, str], bytes]


@dataclass
class Robots:
    """`taken`: the texts that reached people. `fault`: the answer to every request, instead of checking it."""

    url: str = ""
    taken: list[str] = field(default_factory=list)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    fault: Reply | None = None
    drips: bool = False
    asked: int = 0
    delay_s: float = 0.0

    def address(self, kind: str) -> str:
        return self.url + PATHS[kind]

    def answer(self, path: str, headers: dict[str, str], body: bytes) -> Reply:
        self.asked += 1
        time.sleep(self.delay_s)
        if self.fault:
            return self.fault
        said = json.loads(body)
        kind = next(kind for kind, known in PATHS.items() if urlsplit(known).path == urlsplit(path).path)
        reply = getattr(self, f"_{kind}")(parse_qs(urlsplit(path).query), headers, body, said)
        if isinstance(reply, str):
            self.taken.append(reply)
            self.bodies.append(said)
            self.headers.append(headers)
            return 200, {}, _ACCEPTED[kind]
        assert isinstance(reply, tuple)
        return reply

    def _feishu(self, query: Any, headers: Any, body: bytes, said: Any) -> str | Reply:
        """https://open.feishu.cn/document/client-docs/bot-v3/add-custom-bot"""
        key = f"{said.get('timestamp')}\n{SECRET}".encode()
        expected = base64.b64encode(hmac.new(key, digestmod=hashlib.sha256).digest()).decode()
        if said.get("sign") != expected or abs(time.time() - int(said["timestamp"])) > 3600:
            return 200, {}, b'{"code":19021,"msg":"sign match fail or timestamp is not within one hour","data":{}}'
        assert said["msg_type"] == "text"
        return str(said["content"]["text"])

    def _dingtalk(self, query: Any, headers: Any, body: bytes, said: Any) -> str | Reply:
        """https://open.dingtalk.com/document/robots/customize-robot-security-settings"""
        if query["access_token"] != [TOKEN]:
            return 200, {}, b'{"errcode":300005,"errmsg":"token is not exist"}'
        [timestamp] = query.get("timestamp", [""])
        signed = hmac.new(SECRET.encode(), f"{timestamp}\n{SECRET}".encode(), digestmod=hashlib.sha256).digest()
        is_recent = timestamp.isdecimal() and abs(time.time() * 1000 - int(timestamp)) < 3_600_000
        if query.get("sign") != [base64.b64encode(signed).decode()] or not is_recent:
            return 200, {}, b'{"errcode":310000,"errmsg":"sign not match"}'
        assert headers["content-type"] == "application/json; charset=utf-8"
        return str(said["text"]["content"])

    def _wecom(self, query: Any, headers: Any, body: bytes, said: Any) -> str | Reply:
        """https://developer.work.weixin.qq.com/document/path/99110"""
        if query["key"] != [TOKEN]:
            return 200, {}, b'{"errcode":93000,"errmsg":"invalid webhook url"}'
        if len(said["text"]["content"].encode()) > 2048:
            return 200, {}, b'{"errcode":40058,"errmsg":"text.content exceed max length 2048"}'
        return str(said["text"]["content"])

    def _slack(self, query: Any, headers: Any, body: bytes, said: Any) -> str | Reply:
        """https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks"""
        if not said.get("text"):
            return 400, {}, b"no_text"
        return str(said["text"])

    def _webhook(self, query: Any, headers: Any, body: bytes, said: Any) -> str | Reply:
        """https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md"""
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        key = base64.b64decode(WEBHOOK_SECRET.removeprefix("whsec_"))
        expected = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        if headers.get("webhook-signature") != expected or abs(time.time() - int(headers["webhook-timestamp"])) > 300:
            return 401, {}, b"bad signature"
        return str(said["data"]["text"])


_ACCEPTED = {
    "feishu": b'{"StatusCode":0,"StatusMessage":"success","code":0,"data":{},"msg":"success"}',
    "dingtalk": b'{"errcode":0,"errmsg":"ok"}',
    "wecom": b'{"errcode":0,"errmsg":"ok"}',
    "slack": b"ok",
    "webhook": b"",
}


@contextmanager
def robots() -> Iterator[Robots]:
    played = Robots()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, more, answer = played.answer(self.path, headers, body)
            self.send_response(status)
            for name, value in {"Content-Length": str(len(answer)), **more}.items():
                self.send_header(name, value)
            self.end_headers()
            if played.drips:
                self._drip()
            else:
                self.wfile.write(answer)

        def _drip(self) -> None:
            try:
                for _second in range(50):
                    self.wfile.write(b" ")
                    time.sleep(0.1)
            except OSError:
                return

        def log_message(self, format: str, *args: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            """A client that leaves in mid-answer is not worth a message."""

    with Server(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        played.url = f"http://127.0.0.1:{server.server_port}"
        yield played
        server.shutdown()


@dataclass
class Mailbox:
    port: int = 0
    mails: list[tuple[list[str], Message]] = field(default_factory=list)


@contextmanager
def mailbox() -> Iterator[Mailbox]:
    """As much of SMTP (RFC 5321) as a client without TLS and password needs."""
    box = Mailbox()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self._say("220 mail.test")
            to: list[str] = []
            while line := self.rfile.readline():
                word = line[:4].upper()
                if word == b"RCPT":
                    to.append(line.decode().partition("<")[2].partition(">")[0])
                if word == b"DATA":
                    self._say("354 go on")
                    lines = list(iter(self.rfile.readline, b".\r\n"))
                    box.mails.append((to, message_from_bytes(b"".join(lines), policy=default)))
                self._say("221 bye" if word == b"QUIT" else "250 ok")

        def _say(self, line: str) -> None:
            self.wfile.write(f"{line}\r\n".encode())

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        box.port = server.server_address[1]
        yield box
        server.shutdown()
