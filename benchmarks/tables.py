"""Numbers and tables in Markdown. Pure."""

from collections.abc import Sequence


def number(value: float) -> str:
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [f"| {' | '.join(cell.strip() for cell in row)} |" for row in [head, *rows]]
    return [lines[0], "|" + "---|" * len(head), *lines[1:]]
