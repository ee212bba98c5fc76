"""The project's own files, split into prose (comments, docstrings, documents) and code."""

import ast
import io
import os
import re
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent.parent
PRODUCT = ["config", "streaming", "attribution", "foundation"]
_NOT_OURS = {"node_modules", "vendor", "staticfiles", "__pycache__"}


class Said(NamedTuple):
    """A comment, a docstring, or a line of a document."""

    path: Path
    line: int
    text: str


@cache
def files() -> list[Path]:
    """The files in the repository that are neither generated nor third-party."""
    found = []
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [each for each in folders if not each.startswith(".") and each not in _NOT_OURS]
        found += [Path(folder, name).relative_to(ROOT) for name in names]
    return found


def read(path: Path) -> str:
    return (ROOT / path).read_text()


def said(path: Path) -> Iterator[Said]:
    """The prose of a file: a Python file's comments and docstrings, or a document's lines outside code blocks."""
    if path.suffix == ".py":
        yield from _comments(path)
        yield from _docstrings(path)
    else:
        yield from _lines(path)


def done(path: Path) -> str:
    """The code of a file, without its prose."""
    if path.suffix != ".py":
        return read(path)
    docstrings = {(node.lineno, node.col_offset) for node in _docstring_nodes(path)}
    return " ".join(
        token.string for token in _tokens(path) if token.type != tokenize.COMMENT and token.start not in docstrings
    )


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(read(path))


def _comments(path: Path) -> Iterator[Said]:
    for token in _tokens(path):
        if token.type == tokenize.COMMENT:
            yield Said(path, token.start[0], token.string)


def _docstrings(path: Path) -> Iterator[Said]:
    for node in _docstring_nodes(path):
        for number, line in enumerate(str(node.value).splitlines()):
            yield Said(path, node.lineno + number, line)


@cache
def _tokens(path: Path) -> list[tokenize.TokenInfo]:
    return list(tokenize.generate_tokens(io.StringIO(read(path)).readline))


@cache
def _docstring_nodes(path: Path) -> list[ast.Constant]:
    return [
        node.value
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    ]


def _lines(path: Path) -> Iterator[Said]:
    is_code = False
    for number, line in enumerate(read(path).splitlines(), 1):
        if re.match(r"\s*```", line):
            is_code = not is_code
        elif not is_code:
            yield Said(path, number, line)
