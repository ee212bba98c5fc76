"""Ark's own SDK with only the host changed, so it asks below /api/v3."""

from asked import WEATHER, Asked, errors, see
from pydantic import BaseModel
from volcenginesdkarkruntime import Ark


class City(BaseModel):
    name: str
    rivers: int


def ask(asked: Asked, text: str, model: str = "model", **options):
    client = Ark(base_url=asked["url"] + "/api/v3", api_key=asked["key"])
    messages = [{"role": "user", "content": text}]
    return client.chat.completions.create(model=asked[model], messages=messages, **options)


def streams(asked: Asked, seen: dict) -> None:
    chunks = list(ask(asked, asked["question"], stream=True, stream_options={"include_usage": True}))
    seen["streamed"] = [text for chunk in chunks if chunk.choices and (text := chunk.choices[0].delta.content)]
    seen["streamed_tokens"] = [chunks[-1].usage.prompt_tokens, chunks[-1].usage.completion_tokens]


def answers(asked: Asked, seen: dict) -> None:
    answer = ask(asked, asked["question"])
    seen["whole"] = answer.choices[0].message.content
    seen["whole_tokens"] = [answer.usage.prompt_tokens, answer.usage.completion_tokens]


def calls_tools(asked: Asked, seen: dict) -> None:
    [call] = ask(asked, asked["weather"], tools=[WEATHER]).choices[0].message.tool_calls
    seen["tool"] = [call.function.name, call.function.arguments]


def is_structured(asked: Asked, seen: dict) -> None:
    schema = {"name": "City", "schema": City.model_json_schema(), "strict": True}
    answer = ask(asked, asked["question"], response_format={"type": "json_schema", "json_schema": schema})
    seen["structured"] = City.model_validate_json(answer.choices[0].message.content).model_dump()


def sees_errors(asked: Asked, seen: dict) -> None:
    with errors(seen, "refused"):
        ask(asked, "hi", "unknown")
    with errors(seen, "cut"):
        list(ask(asked, asked["question"], "cut", stream=True))


see(streams, answers, calls_tools, is_structured, sees_errors)
