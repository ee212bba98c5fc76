"""`openai`, OpenAI's own package."""

from asked import WEATHER, Asked, errors, see
from openai import OpenAI
from pydantic import BaseModel


class City(BaseModel):
    name: str
    rivers: int


def client(asked: Asked) -> OpenAI:
    return OpenAI(base_url=asked["url"] + "/v1", api_key=asked["key"])


def messages(text: str) -> list:
    return [{"role": "user", "content": text}]


def streams(asked: Asked, seen: dict) -> None:
    with client(asked).chat.completions.stream(
        model=asked["model"], messages=messages(asked["question"]), stream_options={"include_usage": True}
    ) as stream:
        seen["streamed"] = [event.delta for event in stream if event.type == "content.delta"]
        usage = stream.get_final_completion().usage
    seen["streamed_tokens"] = [usage.prompt_tokens, usage.completion_tokens]


def answers(asked: Asked, seen: dict) -> None:
    answer = client(asked).chat.completions.create(model=asked["model"], messages=messages(asked["question"]))
    seen["whole"] = answer.choices[0].message.content
    seen["whole_tokens"] = [answer.usage.prompt_tokens, answer.usage.completion_tokens]


def calls_tools(asked: Asked, seen: dict) -> None:
    with client(asked).chat.completions.stream(
        model=asked["model"], messages=messages(asked["weather"]), tools=[WEATHER]
    ) as stream:
        [call] = stream.get_final_completion().choices[0].message.tool_calls
    seen["tool"] = [call.function.name, call.function.arguments]


def is_structured(asked: Asked, seen: dict) -> None:
    answer = client(asked).chat.completions.parse(
        model=asked["model"], messages=messages(asked["question"]), response_format=City
    )
    seen["structured"] = answer.choices[0].message.parsed.model_dump()


def sees_errors(asked: Asked, seen: dict) -> None:
    with errors(seen, "refused"):
        client(asked).chat.completions.create(model=asked["unknown"], messages=messages("hi"))
    with errors(seen, "cut"):
        stream = client(asked).chat.completions.create(
            model=asked["cut"], messages=messages(asked["question"]), stream=True
        )
        list(stream)


see(streams, answers, calls_tools, is_structured, sees_errors)
