"""Every test here runs on both event loops: uvloop, as in production, and asyncio's own, as in a console."""

from collections.abc import AsyncIterator

import pytest

from streaming.upstream import UpstreamPool


@pytest.fixture(params=[False, True], ids=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, bool]]:
    return "asyncio", {"use_uvloop": request.param}


@pytest.fixture
async def pool(anyio_backend: object) -> AsyncIterator[UpstreamPool]:
    pool = UpstreamPool()
    yield pool
    await pool.close()
