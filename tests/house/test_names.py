"""Every name in a docstring, comment or document that looks like one of ours exists."""

import ast
import builtins
import keyword
import re
from collections.abc import Iterator
from difflib import get_close_matches
from functools import cache

from django.core.management import get_commands

from config import environment
from tests.house.sources import Said, done, files, parsed, read, said

# Names in prose that are not in our code: words of other programs and languages, and file names in examples.
OF_OTHERS = {
    "FILE.toml", "models.toml", "TOKEN", "django.conf",
    "XREAD", "XRANGE", "epoll_wait", "perf", "socket.gaierror",
    "supportsStructuredOutputs", "includeUsage", "extra-openai-models.yaml",
    "HttpClient", "Observable", "http.disconnect", "server.url", "server.requests",
}  # fmt: skip

_QUOTED = re.compile(r"`([^`\n]+)`")
_FILE = re.compile(r"(?<![\w*{<>./-])((?:[\w-]+/)*[\w-]+\.(?:py|js|css|html|md|conf|yaml|toml|txt))\b(?!\()")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*")
_DOTTED = re.compile(r"(?<![\w/.@<-])[a-z][a-z_]*\.(?!(?:py|md|js)\b)[a-z][a-z_]+\b(?![\w./-]*[/@(-])")
_COMMAND = re.compile(r"manage\.py ([a-z_]+)")
_CODE = {".py", ".js", ".html", ".css", ".conf", ".yaml", ".toml", ".sh"}
_HISTORY = {"CHANGELOG.md"}  # former names


def test_every_name_that_is_said_exists() -> None:
    unknown = [
        f"{each.path}:{each.line}: `{name}` does not exist{_nearest(name)}"
        for path in files()
        if path.suffix in (".py", ".md") and "migrations" not in path.parts and path.name not in _HISTORY
        for each in said(path)
        for name in _unknown(each)
    ]

    assert not unknown, "\n".join(["", *unknown])


def _unknown(place: Said) -> Iterator[str]:
    for name in _FILE.findall(place.text):
        if not _is_file(name):
            yield name
    for name in _COMMAND.findall(place.text):
        if name not in get_commands():
            yield f"manage.py {name}"
    for quoted in _QUOTED.findall(place.text):
        name = quoted.removesuffix("()")
        if _NAME.fullmatch(name) and not _FILE.fullmatch(name) and not _is_known(name):
            yield name
    if place.path.suffix == ".py":
        yield from (name for name in _DOTTED.findall(_QUOTED.sub("", place.text)) if not _is_known(name))


@cache
def _is_file(name: str) -> bool:
    return name in OF_OTHERS or any(path == name or path.endswith(f"/{name}") for path in _paths())


@cache
def _is_known(name: str) -> bool:
    """If a dotted name begins with a module of ours, its next part has to be defined there."""
    if name in OF_OTHERS:
        return True
    parts = name.split(".")
    for position, module in enumerate(parts[:-1]):
        if module in _definitions() and not _is_package(parts[: position + 2]):
            return parts[position + 1] in _definitions()[module]
    return all(part in _words() for part in parts)


def _is_package(parts: list[str]) -> bool:
    """Attributes may have a module's name, as in `request.user`."""
    path = "/".join(parts)
    return any(f"/{each}".endswith(f"/{path}.py") or f"/{path}/" in f"/{each}" for each in _paths())


@cache
def _definitions() -> dict[str, set[str]]:
    """For each module name: everything that modules of this name define or import."""
    found: dict[str, set[str]] = {}
    for path in files():
        if path.suffix == ".py" and path.stem != "__init__":
            found.setdefault(path.stem, set()).update(_defined(parsed(path)))
    return found


def _defined(module: ast.Module) -> Iterator[str]:
    for node in ast.walk(module):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield node.name
            case ast.Name(ctx=ast.Store()):
                yield node.id
            case ast.Attribute(ctx=ast.Store()):
                yield node.attr
            case ast.alias():
                yield (node.asname or node.name).rpartition(".")[2]


@cache
def _paths() -> list[str]:
    return [str(path) for path in files()]


@cache
def _words() -> set[str]:
    """All words in the code, whatever they mean, and those of the environment and of Python."""
    words = {word for path in files() if path.suffix in _CODE for word in _words_of(done(path))}
    names = {part for path in _paths() for part in re.split(r"[/.]", path)}
    others = {*_words_of(read(next(path for path in files() if path.name == "Makefile"))), *environment.names()}
    return words | names | others | set(dir(builtins)) | set(keyword.kwlist)


def _words_of(text: str) -> set[str]:
    return set(re.findall(r"[A-Za-z_][A-Za-z0-9_]*", text))


def _nearest(name: str) -> str:
    """A guess at what was meant: a file with a similar name, or a word of the code."""
    paths = {path.rpartition("/")[2]: path for path in _paths()}
    wanted, known = name.rpartition("/")[2], dict(paths)
    if wanted not in paths and not _FILE.fullmatch(name):
        wanted, known = name.rpartition(".")[2], {word: word for word in _words()}
    near = get_close_matches(wanted, known, n=1)
    return f"; the nearest is `{known[near[0]]}`" if near else ""
