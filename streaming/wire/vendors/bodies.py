"""Finds a vendor's words in an error's body, whatever shape it has. No two gateways agree on one.

Known are `{"error": {…}}`, `{"error": "…"}`, `{"code": …, "message": …}` with its many names, `{"detail": "…"}`,
FastAPI's `{"detail": [{"loc": …, "msg": …}]}`, `{"errors": […]}`, `[{"error": {…}}]`, MiniMax's `base_resp`, Tencent's
`Response.Error`, OpenRouter's error within an error, a bare JSON string, plain text and HTML.
"""

import html
import re
from collections.abc import Iterator
from typing import Any

import msgspec

_MAX_CHARS = 500  # of a message
_MAX_DEPTH = 6
_MAX_ITEMS = 5

# Members in lower case, the likeliest first.
_CODES = ("code", "error_code", "errorcode", "status_code", "errcode", "err_code", "ret", "retcode")
_TYPES = ("type", "error_type", "status", "__type", "reason")
_MESSAGES = (
    "message", "msg", "error_msg", "status_msg", "errmsg", "err_msg", "error_message", "errormessage",
    "error_description", "detail", "details", "title", "text",
)  # fmt: skip
_WITHIN = (
    "error",
    "errors",
    "detail",
    "base_resp",
    "response",
    "errormsg",
    "metadata",
    "raw",
    "innererror",
    "details",
    "err",
)

_IS_HTML = re.compile(r"\s*(?:<!doctype|<html|<head|<body|<h\d|<\?xml)", re.IGNORECASE)
_UNSEEN = re.compile(r"<(script|style|head)\b.*?</\1\s*>", re.IGNORECASE | re.DOTALL)
_IS_CODE = re.compile(r"[A-Za-z][\w.:-]{2,60}", re.ASCII)  # `{"error": "insufficient_quota"}`
_TAG = re.compile(r"<[^>]*>")
_TITLE = re.compile(r"<title[^>]*>(.*?)</title", re.IGNORECASE | re.DOTALL)
_SUCCESSES = {"", "0", "200", "success", "succeeded", "succeed", "ok", "none", "true"}


class VendorError(msgspec.Struct, kw_only=True):
    """An error in a vendor's words. `words` are its codes and types, the outermost first.

    `is_page`: the message is the text of a web page, by something in between. `is_raw`: it is JSON that nobody
    understands. Neither is for clients.
    """

    code: str = ""
    message: str = ""
    param: str | None = None
    words: tuple[str, ...] = ()
    is_page: bool = False
    is_raw: bool = False


def read(body: bytes) -> VendorError:
    """The error in a body that is known to be one."""
    try:
        found = msgspec.json.decode(body)
    except (ValueError, RecursionError):
        return _of_text(body.decode(errors="replace"))
    if isinstance(found, str):
        return _of_text(found)
    return _of_json(found)


def is_error(body: bytes) -> bool:
    """Whether a body with status 200, or an event in it, that is no answer is an error."""
    try:
        found = msgspec.json.decode(body)
    except (ValueError, RecursionError):
        return False
    return _says_error(found[0] if isinstance(found, list) and found else found)


def _says_error(found: Any) -> bool:
    if not isinstance(found, dict):
        return False
    members = _lowered(found)
    if any(members.get(name) for name in ("error", "errors", "errormsg")) or members.get("object") == "error":
        return True
    if _fails(_lowered(members.get("base_resp"))):
        return True
    if choices := _list(members.get("choices")):
        return any(_lowered(choice).get("error") for choice in choices)
    response = _lowered(members.get("response"))
    says_why = any(isinstance(members.get(name), str) and members[name] for name in _MESSAGES)
    return (
        bool(response.get("error"))
        or ("detail" in members and bool(members["detail"]))
        or members.get("success") is False
        or (says_why and _fails(members))
    )


def _fails(members: dict[str, Any]) -> bool:
    code = next((members[name] for name in _CODES if name in members), None)
    return code is not None and _word(code).casefold() not in _SUCCESSES


def _of_text(text: str) -> VendorError:
    if _IS_HTML.match(text):
        return VendorError(message=_text_of_page(text), is_page=True)
    return VendorError(message=text.strip()[:_MAX_CHARS])


def _text_of_page(page: str) -> str:
    title = _TITLE.search(page)
    said = [title[1] if title else "", _TAG.sub(" ", _UNSEEN.sub(" ", page))]
    texts = [" ".join(html.unescape(each).split()) for each in said]
    return ": ".join(dict.fromkeys(text for text in texts if text))[:_MAX_CHARS]


def _of_json(found: Any) -> VendorError:
    nodes = list(_nodes(found, 0))
    messages = dict.fromkeys(message for node in nodes for message in _messages(node))
    if not messages:
        return _of_unknown_shape(found, nodes)
    params = (node.get("param") or _place(node.get("loc")) for node in nodes)
    param = next((each for each in params if isinstance(each, str) and each), None)
    words = _all_words(nodes)
    return VendorError(
        code=next((word for word in words if not is_status(word)), next(iter(words), "")),
        message="; ".join(messages)[:_MAX_CHARS],
        param=param and param[:100],
        words=words,
    )


def _of_unknown_shape(found: Any, nodes: list[dict[str, Any]]) -> VendorError:
    words = _all_words(nodes)
    shown = msgspec.json.encode(found).decode() if found and not words else ""
    return VendorError(code=next(iter(words), ""), message=shown[:_MAX_CHARS], words=words, is_raw=True)


def _all_words(nodes: list[dict[str, Any]]) -> tuple[str, ...]:
    """Codes before types. FastAPI's type of a problem ("missing") is none of an error."""
    codes = [word for node in nodes for word in _words(node, _CODES)]
    types = [word for node in nodes if "loc" not in node for word in _words(node, _TYPES)]
    return tuple(dict.fromkeys([*codes, *types]))


def is_status(word: str) -> bool:
    """Whether a code is an HTTP status: OpenRouter, vLLM and Google repeat it there."""
    return len(word) == 3 and word.isascii() and word.isdecimal() and word[0] in "45"


def _nodes(found: Any, depth: int) -> Iterator[dict[str, Any]]:
    """The objects that say something about the error, the outermost first; a bare text as an object with a message."""
    if depth > _MAX_DEPTH:
        return
    if isinstance(found, str):
        yield from _nodes_of_text(found, depth)
    elif isinstance(found, list):
        for each in found[:_MAX_ITEMS]:
            yield from _nodes(each, depth + 1)
    elif isinstance(found, dict):
        members = _lowered(found)
        yield members
        for name in (*_WITHIN, *_MESSAGES):
            if name in _WITHIN or _looks_like_json(members.get(name)):
                yield from _nodes(members.get(name), depth + 1)
        for choice in _list(members.get("choices")):  # OpenRouter's, of the choice that failed; its texts are content
            yield from _nodes(_lowered(choice).get("error"), depth + 1)


def _nodes_of_text(text: str, depth: int) -> Iterator[dict[str, Any]]:
    """A text may be JSON itself: what gateways got from the one behind them."""
    if _looks_like_json(text):
        try:
            yield from _nodes(msgspec.json.decode(text), depth + 1)
        except (ValueError, RecursionError):
            yield {"message": " " + text}
    else:
        yield {"message": text, "code": text if _IS_CODE.fullmatch(text) else ""}


def _looks_like_json(text: Any) -> bool:
    return isinstance(text, str) and text.lstrip().startswith(("{", "["))


def _words(node: dict[str, Any], names: tuple[str, ...]) -> Iterator[str]:
    for name in names:
        if name in node and (word := _word(node[name])):
            yield word


def _word(value: Any) -> str:
    """A number may come as 1113, "1113" or 1113.0."""
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip() if isinstance(value, str | int | float) else ""


def _messages(node: dict[str, Any]) -> Iterator[str]:
    """Its text, unless that holds another object; FastAPI's with its place, and never with the `input` beside it."""
    place = _place(node.get("loc"))
    for name in _MESSAGES:
        text = node.get(name)
        if isinstance(text, str) and text.strip() and not _looks_like_json(text):
            shown = _text_of_page(text) if _IS_HTML.match(text) else text.strip()
            yield f"{place}: {shown}" if place else shown
            return


def _place(loc: Any) -> str:
    parts = loc if isinstance(loc, list) else []
    return ".".join(str(part) for part in parts if part != "body" and isinstance(part, str | int))


def _list(found: Any) -> list[Any]:
    return found if isinstance(found, list) else []


def _lowered(found: Any) -> dict[str, Any]:
    return {str(name).lower(): value for name, value in found.items()} if isinstance(found, dict) else {}
