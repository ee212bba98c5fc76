"""The admin's pages as Markdown: a line for each list and way of looking at it, of its slowest page. Pure."""

from typing import Any

from benchmarks.admin.pages import slowest
from benchmarks.tables import number, table

TARGET_MS = 500


def lines(part: dict[str, Any]) -> list[str]:
    sizes = [part["sizes"][scale] for scale in sorted(part["sizes"], key=float)]
    text = ["## Admin at size", ""]
    text += [f"Not measured at scale {scale}: it {reason}." for scale, reason in part["left_out"].items()]
    if not sizes:
        return text
    text += [
        "Server time of a page in ms, from the first middleware to the last byte: the median of four, the first one "
        "included; of all filters, columns and links the slowest one. The first time, part of what a page "
        "needs comes from the disk.",
        "",
    ]
    found = [slowest(size["pages"]) for size in sizes]
    head = ["page", "", *(f"{size['conversions']:,} conversions" for size in sizes), "first", "at most", "queries"]
    rows = [
        [
            *key,
            *(number(of[key]["median_ms"]) if key in of else "–" for of in found),
            number(page["first_ms"]) if "first_ms" in page else "–",
            number(page["max_ms"]),
            str(page["queries"]),
        ]
        for key, page in found[-1].items()
    ]
    text += table(head, rows)
    slow = [page for page in sizes[-1]["pages"] if page["median_ms"] > TARGET_MS]
    at_first = sum(page.get("first_ms", 0) > TARGET_MS for page in sizes[-1]["pages"])
    count = f"{len(sizes[-1]['pages'])} pages; slower than {TARGET_MS} ms at the largest size: {len(slow)}."
    text += ["", f"{count} The first time: {at_first}.", ""]
    text += [f"- {page['name']}, {page['kind']}: {number(page['median_ms'])} ms, `{page['url']}`" for page in slow]
    return text
