"""From a row to a robot, with processes of their own: the sweep only queues, a worker sends."""

import os
import subprocess
import sys

from attribution.models import Destination
from foundation.alerts.models import Notice, Rule
from tests.foundation.alerts.conftest import World
from tests.foundation.alerts.robots import Robots
from tests.servers import ROOT, eventually
from tests.stack import Processes, Stack


def sweep(processes: Processes) -> None:
    command = [sys.executable, "manage.py", "sweep"]
    environment = os.environ | processes.environment
    subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)


def test_worker_tells_of_an_open_breaker_and_of_its_end(
    stack: Stack, processes: Processes, robot_server: Robots
) -> None:
    World(robots=robot_server).channel("dingtalk", language="zh-hans")
    Rule.objects.introduce()
    Rule.objects.exclude(watch="breaker").update(is_enabled=False)  # beat is silent here, as there is none
    Destination.objects.create(platform="oceanengine", key="1712345", failures=5, openings=1, last_error="HTTP 503")

    sweep(processes)
    [began] = eventually(lambda: list(robot_server.taken), bool)
    states = eventually(lambda: list(Notice.objects.values_list("state", flat=True)), lambda found: found == ["sent"])
    Destination.objects.update(failures=0, openings=0)
    Rule.objects.update(over_after_minutes=0)
    sweep(processes)
    [over] = eventually(lambda: robot_server.taken[1:], bool)

    assert states == ["sent"]  # the web process may have noticed it before the sweep
    assert began.startswith(
        "[Rivermouth] 告警：巨量引擎 1712345 连续失败 5 次，熔断器已断开，回传已暂停。最近的错误：HTTP 503\n"
    )
    assert over.splitlines()[0].partition("：")[2] == "巨量引擎 1712345 的熔断器已不再断开。"
