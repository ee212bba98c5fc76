"""instructor, which makes objects: it asks for a tool call, and streams objects that are not complete yet."""

import instructor
from asked import Asked, errors, see
from openai import OpenAI
from pydantic import BaseModel


class City(BaseModel):
    name: str
    rivers: int


def client(asked: Asked, mode: instructor.Mode = instructor.Mode.TOOLS) -> instructor.Instructor:
    return instructor.from_openai(OpenAI(base_url=asked["url"] + "/v1", api_key=asked["key"]), mode=mode)


def city(asked: Asked, model: str = "model") -> dict:
    return {
        "model": asked[model],
        "response_model": City,
        "messages": [{"role": "user", "content": asked["question"]}],
    }


def streams(asked: Asked, seen: dict) -> None:
    partials = [partial.model_dump() for partial in client(asked).create_partial(**city(asked))]
    seen["streamed_objects"] = partials


def answers(asked: Asked, seen: dict) -> None:
    found, answer = client(asked).create_with_completion(**city(asked))
    [call] = answer.choices[0].message.tool_calls
    seen["whole_object"] = found.model_dump()
    seen["tool"] = [call.function.name, call.function.arguments]
    seen["whole_tokens"] = [answer.usage.prompt_tokens, answer.usage.completion_tokens]


def is_structured(asked: Asked, seen: dict) -> None:
    found = client(asked, instructor.Mode.JSON_SCHEMA).create(**city(asked))
    seen["structured"] = found.model_dump()


def sees_errors(asked: Asked, seen: dict) -> None:
    with errors(seen, "refused"):
        client(asked).create(**city(asked, "unknown"))
    with errors(seen, "cut"):
        list(client(asked).create_partial(**city(asked, "cut")))


see(streams, answers, is_structured, sees_errors)
