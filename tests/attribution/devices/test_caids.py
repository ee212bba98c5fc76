import json

import pytest

from attribution.devices.caids import caid_md5s
from attribution.devices.device_ids import md5_of

CAID = "0123456789abcdef0123456789abcdef"
OTHER = "f" * 32
BOTH = {CAID, md5_of(CAID)}
OTHER_BOTH = {OTHER, md5_of(OTHER)}


@pytest.mark.parametrize(
    ("value", "md5s"),
    [
        pytest.param(CAID, BOTH, id="bare"),
        pytest.param(f"20230330_{CAID.upper()}", BOTH, id="after its version"),
        pytest.param(f"{CAID}_20230330", BOTH, id="before its version"),
        pytest.param(f"20260506:{CAID}", BOTH, id="with a colon"),
        pytest.param(f"20230330_{CAID},20260506_{OTHER}", BOTH | OTHER_BOTH, id="two versions"),
        pytest.param(f"20230330_{CAID}%2C20260506_{OTHER}", BOTH | OTHER_BOTH, id="escaped"),
        pytest.param(json.dumps([f"20230330_{CAID}", f"20260506_{OTHER}"]), BOTH | OTHER_BOTH, id="array of texts"),
        pytest.param(json.dumps({"20230330": CAID, "20260506": OTHER}), BOTH | OTHER_BOTH, id="by version"),
        pytest.param(json.dumps([{"version": "20230330", "caid": CAID}]), {md5_of(CAID)}, id="raw"),
        pytest.param(json.dumps([{"version_id": 20230330, "caid": f"20230330_{CAID}"}]), {md5_of(CAID)}, id="both"),
        pytest.param(json.dumps([{"version": "20230330", "caid_md5": CAID}]), {CAID}, id="md5"),
        pytest.param(json.dumps([{"version": "20230330", "caidMd5": CAID}]), {CAID}, id="md5 in camel case"),
        pytest.param(json.dumps({"caid": [{"caid": CAID}]}), {md5_of(CAID)}, id="array within an object"),
        pytest.param(json.dumps([{"caid": "", "version": CAID}, OTHER]), OTHER_BOTH, id="only ids count"),
    ],
)
def test_caids_are_read_however_they_are_written(value: str, md5s: set[str]) -> None:
    assert caid_md5s(value) == md5s


@pytest.mark.parametrize("value", ["", "20230330", "[]", "{}", '{"version": "20230330"}', "x", "0" * 32, "[" * 9000])
def test_no_caid(value: str) -> None:
    with pytest.raises(ValueError, match="no CAID"):
        caid_md5s(value)
