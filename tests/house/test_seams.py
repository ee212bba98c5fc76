"""The list of seams (uses of other packages' private parts) names the installed versions."""

import re

from tests.house.sources import ROOT

ROW = re.compile(r"^\| ([\w-]+) ([\d.]+) \|", re.MULTILINE)
PIN = re.compile(r"^([\w-]+)(?:\[[\w,]+\])?==([\d.]+)", re.MULTILINE)


def test_seams_were_looked_at_in_the_versions_that_are_pinned() -> None:
    seams = set(ROW.findall((ROOT / "docs/seams.md").read_text()))
    pinned = dict(PIN.findall((ROOT / "requirements.txt").read_text()))

    assert len(seams) >= 5
    assert seams == {(package, pinned.get(package)) for package, _version in seams}
