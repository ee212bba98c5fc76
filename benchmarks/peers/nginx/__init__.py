"""nginx `proxy_pass` with buffering off: a proxy in C that inspects nothing. The limit."""

import shutil

from benchmarks import cores
from benchmarks.peers import LOCAL, LOGS, NotInstalled, Relay, await_port
from sandbox.launcher.services import free_port

NAME = "nginx"

_CONFIG = """\
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 8192; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    upstream provider {{ server 127.0.0.1:{upstream_port}; keepalive 256; }}
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        keepalive_requests 1000000;
        location / {{
            proxy_pass http://provider;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_buffering off;
            proxy_read_timeout 1h;
        }}
    }}
}}
"""


def install() -> None:
    if shutil.which("nginx") is None:
        raise NotInstalled("no nginx on this machine (Debian: apt install nginx-light)")


def start(upstream_port: int) -> Relay:
    folder = LOCAL / "nginx"
    folder.mkdir(parents=True, exist_ok=True)
    port, log = free_port(), LOGS / "nginx.log"
    config = folder / "nginx.conf"
    config.write_text(_CONFIG.format(folder=folder, port=port, upstream_port=upstream_port))
    process = cores.start_server([shutil.which("nginx") or "nginx", "-c", str(config)], log=log)
    await_port(process, port, log)
    return Relay(name=NAME, port=port, process=process)
