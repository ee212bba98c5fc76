import json
from datetime import date
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, Field

from sandbox.vendors.answers import ChatMessage, ChatRequest, Thinking, compose, pieces
from sandbox.vendors.texts import MARKDOWN, PLAIN, THINKING

WEATHER_TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}, "unit": {"enum": ["celsius"]}}},
    },
}


class City(BaseModel):
    name: str
    founded: date | None
    sister: "City | None" = None


class River(BaseModel):
    """A class as SDKs turn it into a schema: references, recursion, limits."""

    name: str
    kind: Literal["stream", "river"]
    length_km: Annotated[int, Field(ge=3, lt=10)]
    cities: Annotated[list[City], Field(min_length=2)]
    is_tidal: bool
    depths_m: list[float]


def ask(question: str, **parameters: object) -> ChatRequest:
    messages = [ChatMessage(role="user", content=question)]
    return ChatRequest(model="doubao", messages=messages, **parameters)  # type: ignore[arg-type]  # any parameter


@pytest.mark.parametrize(
    "text", [text for texts in (PLAIN, MARKDOWN, THINKING) for each in texts.values() for text in each]
)
def test_pieces_join_to_their_text(text: str) -> None:
    tokens = pieces(text)

    assert "".join(tokens) == text
    assert max(map(len, tokens)) <= 9  # an indented line


@pytest.mark.parametrize(
    ("question", "texts"),
    [
        ("Tell me about rivers", PLAIN["en"]),
        ("讲讲江河", PLAIN["zh"]),
        ("show me some code", MARKDOWN["en"]),
        ("给我一段代码", MARKDOWN["zh"]),
    ],
)
def test_text_follows_the_question(question: str, texts: tuple[str, ...]) -> None:
    answers = ["".join(compose(ask(question)).content) for _ in range(2)]

    assert answers[0] in texts
    assert answers[0] == answers[1]


def test_text_differs_between_questions() -> None:
    answers = {"".join(compose(ask(f"question {number}")).content) for number in range(50)}

    assert answers == set(PLAIN["en"])


@pytest.mark.parametrize(
    ("question", "thinking", "thinks"),
    [
        ("hello", None, False),
        ("Think about it", None, True),
        ("请思考一下", None, True),
        ("hello", Thinking("enabled"), True),
        ("Think about it", Thinking("disabled"), False),
    ],
)
def test_reasoning_comes_when_asked_for(question: str, thinking: Thinking | None, thinks: bool) -> None:
    answer = compose(ask(question, thinking=thinking))

    assert bool(answer.reasoning) is thinks


def test_tool_call_names_the_city_and_fills_the_schema() -> None:
    answer = compose(ask("What is the weather in Paris?", tools=[WEATHER_TOOL]))

    assert answer.tool_call is not None
    assert answer.tool_call.name == "get_weather"
    assert "".join(answer.tool_call.arguments) == '{"city":"Paris","unit":"celsius"}'
    assert (answer.content, answer.finish_reason) == ([], "tool_calls")


def test_tool_result_is_answered_in_words() -> None:
    request = ask("杭州天气怎么样？", tools=[WEATHER_TOOL])
    request.messages += [ChatMessage(role="assistant"), ChatMessage(role="tool", content="小雨，18 度")]

    answer = compose(request)

    assert "".join(answer.content) == "我查到了，结果如下：小雨，18 度"
    assert (answer.tool_call, answer.finish_reason) == (None, "stop")


@pytest.mark.parametrize(
    ("limits", "reasoning_is_whole", "content_tokens"),
    [({"max_tokens": 5}, True, 5), ({"max_completion_tokens": 5}, False, 0)],
)
def test_limit_cuts_what_it_counts(limits: dict[str, int], reasoning_is_whole: bool, content_tokens: int) -> None:
    whole = compose(ask("think"))

    answer = compose(ask("think", **limits))

    assert answer.reasoning == (whole.reasoning if reasoning_is_whole else whole.reasoning[:5])
    assert answer.content == whole.content[:content_tokens]
    assert answer.finish_reason == "length"


def test_usage_counts_prompt_and_cached_turns() -> None:
    request = ask("ignored")
    request.messages = [
        ChatMessage(role="user", content="one two"),
        ChatMessage(role="assistant", content=[{"type": "text", "text": "three"}]),
        ChatMessage(role="user", content="four"),
    ]

    answer = compose(request)

    assert (answer.prompt_tokens, answer.cached_tokens) == (16, 6)
    assert answer.completion_tokens == len(answer.content)


def test_json_is_answered_where_it_is_asked_for() -> None:
    answer = json.loads("".join(compose(ask("hello", response_format={"type": "json_object"})).content))

    assert list(answer) == ["answer"]


def test_answer_fits_the_schema_that_it_was_asked_for() -> None:
    schema = River.model_json_schema()
    wanted = {"type": "json_schema", "json_schema": {"name": "River", "strict": True, "schema": schema}}

    river = River.model_validate_json("".join(compose(ask("讲讲江河", response_format=wanted)).content))

    assert river.kind == "stream"
    assert len(river.cities) == 2
    assert 3 <= river.length_km <= 9


@pytest.mark.parametrize("choice", ["required", {"type": "function", "function": {"name": "get_weather"}}])
def test_tool_that_is_demanded_is_called_whatever_the_question_is(choice: object) -> None:
    call = compose(ask("hello", tools=[WEATHER_TOOL], tool_choice=choice)).tool_call

    assert call is not None
    assert json.loads("".join(call.arguments)) == {"city": "Beijing", "unit": "celsius"}


def test_no_tool_is_called_where_none_may_be() -> None:
    assert compose(ask("What is the weather like?", tools=[WEATHER_TOOL], tool_choice="none")).tool_call is None
