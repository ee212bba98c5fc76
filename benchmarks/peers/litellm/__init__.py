"""LiteLLM's proxy, one worker, without a database, its key checked."""

from pathlib import Path

from benchmarks import cores, installing
from benchmarks.peers import LOCAL, LOGS, MODEL, UPSTREAM_KEY, Relay, await_port
from sandbox.launcher.services import free_port

NAME = "LiteLLM proxy"

_HERE = Path(__file__).parent
_KEY = "sk-bench-master-key"
_CONFIG = """\
model_list:
  - model_name: {model}
    litellm_params:
      model: openai/doubao-1-5-pro-32k-250115
      api_base: http://127.0.0.1:{upstream_port}/v1
      api_key: {upstream_key}
general_settings:
  master_key: {key}
"""


def install() -> None:
    installing.python("litellm", _HERE / "requirements.txt")


def start(upstream_port: int) -> Relay:
    port, log, config = free_port(), LOGS / "litellm.log", LOCAL / "litellm.yaml"
    config.write_text(_CONFIG.format(model=MODEL, upstream_port=upstream_port, upstream_key=UPSTREAM_KEY, key=_KEY))
    command = [installing.program("litellm", "litellm"), "--config", str(config)]
    command += ["--host", "127.0.0.1", "--port", str(port), "--num_workers", "1"]
    process = cores.start_server(command, log=log, env={"LITELLM_LOG": "ERROR", "LITELLM_LOCAL_MODEL_COST_MAP": "True"})
    await_port(process, port, log)
    return Relay(name=NAME, port=port, process=process, headers={"Authorization": f"Bearer {_KEY}"})
