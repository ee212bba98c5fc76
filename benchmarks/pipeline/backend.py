"""A checkout of this backend set up for the pipeline: an app, its key, its monitor link, the fake Ocean Engine."""

import asyncio
import re
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import psycopg

from benchmarks import cores
from benchmarks.peers.rivermouth import Site
from benchmarks.pipeline.ocean_engine import OceanEngine

_MONITOR_PATH = re.compile(r"/track/oceanengine/[^/?]+/")


@dataclass(frozen=True, kw_only=True)
class Backend:
    """What all scenarios of one checkout share."""

    site: Site
    ocean_engine: OceanEngine
    key: str
    monitor_path: str

    @asynccontextmanager
    async def web(self) -> AsyncIterator[tuple["subprocess.Popen[bytes]", int]]:
        """A web process and its port."""
        process, port = await asyncio.to_thread(self.site.start_web)
        try:
            yield process, port
        finally:
            await asyncio.to_thread(cores.stop_server, process)

    def forget_rows(self) -> None:
        with psycopg.connect(self.site.services.database_url) as connection:
            connection.execute("TRUNCATE attribution_conversion, attribution_click CASCADE")


def prepare(site: Site, ocean_engine: OceanEngine) -> Backend:
    """Raises: RuntimeError if the app can't be added."""
    site = site.with_settings({"OCEANENGINE_BASE_URL": f"http://127.0.0.1:{ocean_engine.port}"})
    link = site.manage("add_app", "bench", "--android", "com.example.bench")
    path = _MONITOR_PATH.search(link)
    if path is None:
        raise RuntimeError(f"add_app printed no monitor link: {link}")
    key = site.manage("issue_key", "bench-app", "--app", "bench")
    return Backend(site=site, ocean_engine=ocean_engine, key=key, monitor_path=path[0])
