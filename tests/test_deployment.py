"""What stands in several places of a deployment has to agree."""

import re

from tests.servers import ROOT, web_options

# nginx keeps an idle connection to a server for so long, unless told otherwise.
NGINX_KEEPS_S = 60


def test_image_starts_the_web_server_as_the_procfile_does() -> None:
    image = (ROOT / "deploy/Dockerfile").read_text()

    assert [option for option in web_options() if option not in image] == []


def test_web_server_keeps_connections_longer_than_the_proxy_in_front() -> None:
    options = web_options()
    kept_s = int(options[options.index("--timeout-keep-alive") + 1])
    told = re.findall(r"keepalive_timeout (\d+)s", (ROOT / "deploy/nginx.conf").read_text())

    # Closed inside first, a request that is on its way gets a reset, which the proxy makes a 502.
    assert kept_s > max([NGINX_KEEPS_S, *map(int, told)])
