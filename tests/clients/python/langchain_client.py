"""LangChain: `langchain-openai`."""

from asked import Asked, errors, see
from langchain_core.messages import AIMessageChunk
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from pydantic import BaseModel


class City(BaseModel):
    name: str
    rivers: int


@tool
def get_weather(city: str) -> str:
    """The weather of a city."""
    return f"Rain in {city}"


def chat(asked: Asked, model: str = "model") -> ChatOpenAI:
    return ChatOpenAI(base_url=asked["url"] + "/v1", api_key=asked["key"], model=asked[model], stream_usage=True)


def tokens(message) -> list:
    return [message.usage_metadata["input_tokens"], message.usage_metadata["output_tokens"]]


def streams(asked: Asked, seen: dict) -> None:
    chunks = list(chat(asked).stream(asked["question"]))
    seen["streamed"] = [str(chunk.content) for chunk in chunks if chunk.content]
    whole: AIMessageChunk = sum(chunks[1:], chunks[0])
    seen["streamed_tokens"] = tokens(whole)


def answers(asked: Asked, seen: dict) -> None:
    answer = chat(asked).invoke(asked["question"])
    seen["whole"], seen["whole_tokens"] = answer.content, tokens(answer)


def calls_tools(asked: Asked, seen: dict) -> None:
    chunks = list(chat(asked).bind_tools([get_weather]).stream(asked["weather"]))
    [call] = sum(chunks[1:], chunks[0]).tool_calls
    seen["tool"] = [call["name"], call["args"]]


def is_structured(asked: Asked, seen: dict) -> None:
    city = chat(asked).with_structured_output(City, method="json_schema").invoke(asked["question"])
    seen["structured"] = city.model_dump()


def sees_errors(asked: Asked, seen: dict) -> None:
    with errors(seen, "refused"):
        chat(asked, "unknown").invoke("hi")
    with errors(seen, "cut"):
        list(chat(asked, "cut").stream(asked["question"]))


see(streams, answers, calls_tools, is_structured, sees_errors)
