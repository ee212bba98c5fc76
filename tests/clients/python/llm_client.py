"""`llm`, the command line program and its library, with the model as in its `extra-openai-models.yaml`."""

import json

import llm
from asked import Asked, errors, see
from llm.default_plugins.openai_models import Chat
from pydantic import BaseModel


class City(BaseModel):
    name: str
    rivers: int


def chat(asked: Asked, model: str = "model") -> Chat:
    found = Chat(
        model_id=asked[model],
        model_name=asked[model],
        api_base=asked["url"] + "/v1",
        supports_schema=True,
        supports_tools=True,
    )
    found.key = asked["key"]
    return found


def tokens(response) -> list:
    usage = response.usage()
    return [usage.input, usage.output]


def streams(asked: Asked, seen: dict) -> None:
    response = chat(asked).prompt(asked["question"])
    seen["streamed"] = list(response)
    seen["streamed_tokens"] = tokens(response)


def answers(asked: Asked, seen: dict) -> None:
    response = chat(asked).prompt(asked["question"], stream=False)
    seen["whole"], seen["whole_tokens"] = response.text(), tokens(response)


def calls_tools(asked: Asked, seen: dict) -> None:
    calls = []

    def get_weather(city: str) -> str:
        """The weather of a city."""
        calls.append(["get_weather", {"city": city}])
        return f"Rain in {city}"

    chat(asked).chain(asked["weather"], tools=[llm.Tool.function(get_weather)]).text()
    [seen["tool"]] = calls


def is_structured(asked: Asked, seen: dict) -> None:
    seen["structured"] = json.loads(chat(asked).prompt(asked["question"], schema=City).text())


def sees_errors(asked: Asked, seen: dict) -> None:
    with errors(seen, "refused"):
        chat(asked, "unknown").prompt("hi").text()
    with errors(seen, "cut"):
        chat(asked, "cut").prompt(asked["question"]).text()


see(streams, answers, calls_tools, is_structured, sees_errors)
