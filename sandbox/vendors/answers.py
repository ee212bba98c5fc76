"""The fake model: a chat request in, the whole answer in token-like pieces out. No I/O; same request, same answer."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from sandbox.vendors import structured
from sandbox.vendors.texts import CITIES, MARKDOWN, PLAIN, THINKING, TOOL_RESULT

# About a token: one or two Chinese characters, up to seven letters with the space before them, or any other character.
PIECE = re.compile(r"[\u4e00-\u9fff]{1,2}| ?[A-Za-z0-9]{1,7}|\s+|.", re.DOTALL)
CHINESE = re.compile(r"[\u4e00-\u9fff]")
WANTS_THINKING = re.compile(r"think|思考", re.IGNORECASE)
WANTS_WEATHER = re.compile(r"weather|天气", re.IGNORECASE)
WANTS_REPETITION = re.compile(r"\s*(?:repeat|复述)[:：]\s*", re.IGNORECASE)  # the answer follows
WANTS_MARKDOWN = re.compile(r"markdown|\bcode\b|`|代码|表格", re.IGNORECASE)
# 4096.0 is a number, too, and to many servers -1 means "no limit".
Limit = Annotated[float, Meta(ge=-1)]
TOKENS_PER_MESSAGE = 4  # tokens for the role and the separators


class ChatMessage(Struct):
    role: str = ""
    content: str | list[dict[str, Any]] | dict[str, Any] | None = None

    @property
    def text(self) -> str:
        if isinstance(self.content, str):
            return self.content
        parts = [self.content] if isinstance(self.content, dict) else self.content or ()
        return "".join(str(part.get("text", "")) for part in parts)


class StreamOptions(Struct):
    include_usage: bool = False
    chunk_include_usage: bool = False


class Thinking(Struct):
    type: str = ""


class ChatRequest(Struct):
    """The parameters that the fake models know. `max_tokens` limits the text; `max_completion_tokens` also counts
    the reasoning before it."""

    model: str = ""
    messages: list[ChatMessage] = []
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_tokens: Limit | None = None
    max_completion_tokens: Limit | None = None
    thinking: Thinking | None = None
    tools: list[dict[str, Any]] | None = None
    tool_choice: str | dict[str, Any] | None = None
    response_format: dict[str, Any] | None = None


@dataclass(frozen=True)
class ToolCall:
    id: str
    name: str
    arguments: list[str]


@dataclass(frozen=True)
class Answer:
    reasoning: list[str]
    content: list[str]
    tool_call: ToolCall | None
    finish_reason: str
    prompt_tokens: int
    cached_tokens: int

    @property
    def completion_tokens(self) -> int:
        arguments = self.tool_call.arguments if self.tool_call else ()
        return len(self.reasoning) + len(self.content) + len(arguments)


def compose(request: ChatRequest, *, filler: str = "") -> Answer:
    """The model's answer; `filler` is put before its text as one piece."""
    question = next((message.text for message in reversed(request.messages) if message.role == "user"), "")
    language = "zh" if CHINESE.search(question) else "en"
    reasoning = pieces(_choose(THINKING[language], question)) if _wants_thinking(request, question) else []
    tool_call = _tool_call(request, question, language)
    content = [] if tool_call else pieces(_content(request, question, language))
    if filler:
        content.insert(0, filler)
    kept_reasoning, kept_content = _limited(request, reasoning, content)
    cut = len(kept_reasoning) + len(kept_content) < len(reasoning) + len(content)
    return Answer(
        reasoning=kept_reasoning,
        content=kept_content,
        tool_call=tool_call,
        finish_reason="length" if cut else "tool_calls" if tool_call else "stop",
        prompt_tokens=_tokens(request.messages),
        # A conversation's earlier turns were sent before and are in the provider's cache.
        cached_tokens=_tokens(request.messages[:-2]),
    )


def pieces(text: str) -> list[str]:
    return PIECE.findall(text)


def _wants_thinking(request: ChatRequest, question: str) -> bool:
    if request.thinking is not None:
        return request.thinking.type == "enabled"
    return WANTS_THINKING.search(question) is not None


def _content(request: ChatRequest, question: str, language: str) -> str:
    """Plain text, or the JSON that `response_format` asks for."""
    wanted = request.response_format or {}
    text = _text(request.messages[-1], question, language)
    if wanted.get("type") == "json_object":
        return _json({"answer": text})
    if wanted.get("type") == "json_schema":
        schema = (wanted.get("json_schema") or {}).get("schema") or {}
        return _json(structured.sample(schema, text=_first_sentence(text)))
    return text


def _text(last: ChatMessage, question: str, language: str) -> str:
    if last.role == "tool":
        return TOOL_RESULT[language].format(result=last.text)
    if repetition := WANTS_REPETITION.match(question):
        return question[repetition.end() :]
    texts = MARKDOWN if WANTS_MARKDOWN.search(question) else PLAIN
    return _choose(texts[language], question)


def _tool_call(request: ChatRequest, question: str, language: str) -> ToolCall | None:
    """A call of the tool that `tool_choice` demands, or else of the weather tool if the last message asks for it."""
    function = _called(request, question)
    if function is None:
        return None
    schema = function.get("parameters") or {"properties": {"city": {}}}
    city = next((city for city in CITIES[language] if city in question), CITIES[language][0])
    return ToolCall(
        id=f"call_{_digest(question).hex()[:24]}",
        name=str(function.get("name", "get_weather")),
        arguments=pieces(_json(structured.sample(schema, text=city))),
    )


def _called(request: ChatRequest, question: str) -> dict[str, Any] | None:
    """The function that the model calls, if any."""
    functions: list[dict[str, Any]] = [tool.get("function") or {} for tool in request.tools or ()]
    choice = request.tool_choice
    if not functions or choice == "none":
        return None
    if isinstance(choice, dict):
        name = (choice.get("function") or {}).get("name")
        return next((each for each in functions if each.get("name") == name), None)
    is_asked_for = request.messages[-1].role == "user" and WANTS_WEATHER.search(question) is not None
    if choice != "required" and not is_asked_for:
        return None
    return next((each for each in functions if "weather" in str(each.get("name"))), functions[0])


def _first_sentence(text: str) -> str:
    return re.split(r"(?<=[.!?。！？])", text, maxsplit=1)[0]


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _limited(request: ChatRequest, reasoning: list[str], content: list[str]) -> tuple[list[str], list[str]]:
    if (total := _most(request.max_completion_tokens)) is not None:
        return reasoning[:total], content[: max(0, total - len(reasoning))]
    return reasoning, content[: _most(request.max_tokens)]


def _most(limit: float | None) -> int | None:
    return None if limit in (None, -1) else int(limit or 0)


def _tokens(messages: Sequence[ChatMessage]) -> int:
    return sum(TOKENS_PER_MESSAGE + len(pieces(message.text)) for message in messages)


def _choose(texts: Sequence[str], question: str) -> str:
    return texts[_digest(question)[0] % len(texts)]


def _digest(question: str) -> bytes:
    return blake2b(question.encode(), digest_size=16).digest()
