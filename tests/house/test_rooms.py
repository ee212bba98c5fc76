"""A folder is a room: its `__init__` says what lives there, and it is small enough to take in at a glance."""

from collections import Counter

from tests.house.sources import PRODUCT, ROOT, files, said

MOST_MODULES = 14
ROOMS = [*PRODUCT, "sandbox", "benchmarks"]
_NO_ROOMS = {"migrations", "management", "commands", "stubs"}


def test_no_folder_has_more_modules_than_one_overlooks() -> None:
    modules = Counter(
        str(path.parent)
        for path in files()
        if path.suffix == ".py"
        and path.parts[0] in ROOMS
        and path.name != "__init__.py"
        and "migrations" not in path.parts
    )

    assert {folder: number for folder, number in modules.items() if number > MOST_MODULES} == {}


def test_each_room_says_what_lives_there() -> None:
    rooms = {
        path.parent
        for path in files()
        if path.suffix == ".py" and path.parts[0] in ROOMS and not _NO_ROOMS & set(path.parts)
    }

    silent = [
        str(room)
        for room in sorted(rooms)
        if not (ROOT / room / "__init__.py").is_file() or not any(said(room / "__init__.py"))
    ]
    assert silent == []
