"""litellm as a client: `openai/…` before the model's name."""

import litellm
from asked import WEATHER, Asked, errors, see
from pydantic import BaseModel

litellm.suppress_debug_info = True


class City(BaseModel):
    name: str
    rivers: int


def complete(asked: Asked, text: str, model: str = "model", **options):
    return litellm.completion(
        model=f"openai/{asked[model]}",
        api_base=asked["url"] + "/v1",
        api_key=asked["key"],
        messages=[{"role": "user", "content": text}],
        **options,
    )


def tokens(answer) -> list:
    return [answer.usage.prompt_tokens, answer.usage.completion_tokens]


def streams(asked: Asked, seen: dict) -> None:
    chunks = list(complete(asked, asked["question"], stream=True, stream_options={"include_usage": True}))
    seen["streamed"] = [text for chunk in chunks if chunk.choices and (text := chunk.choices[0].delta.content)]
    seen["streamed_tokens"] = tokens(litellm.stream_chunk_builder(chunks))


def answers(asked: Asked, seen: dict) -> None:
    answer = complete(asked, asked["question"])
    seen["whole"], seen["whole_tokens"] = answer.choices[0].message.content, tokens(answer)


def calls_tools(asked: Asked, seen: dict) -> None:
    chunks = list(complete(asked, asked["weather"], tools=[WEATHER], stream=True))
    [call] = litellm.stream_chunk_builder(chunks).choices[0].message.tool_calls
    seen["tool"] = [call.function.name, call.function.arguments]


def is_structured(asked: Asked, seen: dict) -> None:
    answer = complete(asked, asked["question"], response_format=City)
    seen["structured"] = City.model_validate_json(answer.choices[0].message.content).model_dump()


def sees_errors(asked: Asked, seen: dict) -> None:
    with errors(seen, "refused"):
        complete(asked, "hi", "unknown")
    with errors(seen, "cut"):
        list(complete(asked, asked["question"], "cut", stream=True))


see(streams, answers, calls_tools, is_structured, sees_errors)
