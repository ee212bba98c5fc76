"""Volcano Engine Ark: OpenAI's chat completions with words of its own.

Reference: https://www.volcengine.com/docs/82379/1494384 (as collected in 2026).
"""

from streaming.wire.dialects.openai import OpenAIDialect

DIALECT = OpenAIDialect(
    label="Ark",
    # chunk_include_usage: cumulative usage in every chunk, so that an abandoned stream has exact usage too.
    stream_options={"include_usage": True, "chunk_include_usage": True},
)
