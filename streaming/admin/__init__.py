"""The pages of operators: models and routes to edit; completions, conversations, usage and cost to read."""

from streaming.admin import catalogue, completions, conversations, usage

__all__ = ["catalogue", "completions", "conversations", "usage"]
