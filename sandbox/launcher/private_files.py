"""Files under `.local/` that only their owner may read."""

from pathlib import Path


def write(file: Path, text: str) -> None:
    """Replace the file; its mode is set before the first byte is written."""
    file.unlink(missing_ok=True)
    file.touch(mode=0o600)
    file.write_text(text)


def read(file: Path) -> str:
    """Return the content of the file; "" if it was never written."""
    return file.read_text() if file.exists() else ""
