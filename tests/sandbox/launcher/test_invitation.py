from pathlib import Path

from sandbox.launcher import invitation


def test_lines_quote_the_path_of_the_answer() -> None:
    text = invitation.text(
        "http://127.0.0.1:8000",
        None,
        login="admin / secret",
        key="rm_key",
        model="doubao",
        answer_file=Path("/home/it's mine/event.json"),
    )

    lines = [line for line in text.splitlines() if line.startswith("curl")]
    assert lines[1].endswith("""| tee '/home/it'"'"'s mine/event.json'""")
    assert lines[2] == (
        "curl -sSw '\\n' http://127.0.0.1:8000/api/events/"
        """$(sed -n 's/.*"id": *"\\([^"]*\\)".*/\\1/p' '/home/it'"'"'s mine/event.json')/"""
        " -H 'Authorization: Bearer rm_key'"
    )
