"""Run with Helm's library in `PYTHONPATH`: lint a chart, render it, check each object against Kubernetes' schemas.

Reads a list of values from stdin; prints `{"lint": […], "rendered": [[object, …], …]}`, or ends with what is wrong.
"""

import json
import sys
from typing import Any

import helm_python
import kubernetes_validate
import yaml

# The oldest version that Chart.yaml accepts, and the newest for which there are schemas.
VERSIONS = ("1.30", "1.37")


def rendered(chart: Any, values: dict[str, Any]) -> list[Any]:
    files = chart.render(values, name="demo", namespace="prod")
    documents = [list(yaml.safe_load_all(text)) for name, text in sorted(files.items()) if name.endswith(".yaml")]
    objects = [item for document in documents for item in document if item]
    for item in objects:
        for version in VERSIONS:
            kubernetes_validate.validate(item, version, strict=True)
    return objects


def main(folder: str) -> None:
    with helm_python.Chart.load(folder) as chart:
        found = [rendered(chart, values) for values in json.load(sys.stdin)]
    print(json.dumps({"lint": helm_python.lint(folder)["errors"], "rendered": found}))


if __name__ == "__main__":
    main(sys.argv[1])
