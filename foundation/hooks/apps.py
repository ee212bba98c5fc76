"""The apps that a key may name. The ground floor knows only slugs; the owner of the apps registers a directory."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Directory:
    """How to look up apps.

    `id_of` asks the database for the id of a slug (None: there is no such app); `slugs` lists all, in order.
    `make_with` is the command that makes an app, with `{slug}` in it, to tell a person whose app is unknown.
    """

    id_of: Callable[[str], int | None]
    slugs: Callable[[], list[str]]
    make_with: str


_directories: list[Directory] = []


class UnknownApp(Exception):  # noqa: N818  # a person named something that does not exist: not a failure
    """No app has this slug; the message names the apps that exist, and how to make one."""


def register(directory: Directory) -> None:
    """Call this in `AppConfig.ready`."""
    _directories.append(directory)


def id_of(slug: str) -> int:
    """The id of the app, from the database. Raises: UnknownApp."""
    for each in _directories:
        if (found := each.id_of(slug)) is not None:
            return found
    advice = "".join(f". Make it with: {each.make_with.format(slug=slug)}" for each in _directories)
    raise UnknownApp(f"No app {slug!r} (known: {', '.join(slugs()) or 'none yet'}){advice}")


def slugs() -> list[str]:
    return [slug for each in _directories for slug in each.slugs()]
