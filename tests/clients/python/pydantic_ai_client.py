"""pydantic-ai, its agents."""

from asked import Asked, errors, see
from pydantic import BaseModel
from pydantic_ai import Agent, NativeOutput
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider


class City(BaseModel):
    name: str
    rivers: int


def agent(asked: Asked, model: str = "model", **options) -> Agent:
    provider = OpenAIProvider(base_url=asked["url"] + "/v1", api_key=asked["key"])
    return Agent(OpenAIChatModel(asked[model], provider=provider), **options)


def tokens(usage) -> list:
    return [usage.input_tokens, usage.output_tokens]


def streams(asked: Asked, seen: dict) -> None:
    run = agent(asked).run_stream_sync(asked["question"])
    seen["streamed"] = list(run.stream_text(delta=True, debounce_by=None))
    seen["streamed_tokens"] = tokens(run.usage() if callable(run.usage) else run.usage)


def answers(asked: Asked, seen: dict) -> None:
    run = agent(asked).run_sync(asked["question"])
    seen["whole"] = run.output
    seen["whole_tokens"] = tokens(run.usage() if callable(run.usage) else run.usage)


def calls_tools(asked: Asked, seen: dict) -> None:
    calls = []

    def get_weather(city: str) -> str:
        """The weather of a city."""
        calls.append(["get_weather", {"city": city}])
        return f"Rain in {city}"

    agent(asked, tools=[get_weather]).run_sync(asked["weather"])
    [seen["tool"]] = calls


def is_structured(asked: Asked, seen: dict) -> None:
    run = agent(asked, output_type=NativeOutput(City)).run_sync(asked["question"])
    seen["structured"] = run.output.model_dump()


def sees_errors(asked: Asked, seen: dict) -> None:
    with errors(seen, "refused"):
        agent(asked, "unknown").run_sync("hi")
    with errors(seen, "cut"):
        list(agent(asked, "cut").run_stream_sync(asked["question"]).stream_text(delta=True))


see(streams, answers, calls_tools, is_structured, sees_errors)
