"""What a completion costs: the exact usage counted by its provider, times the prices of its route."""

from dataclasses import dataclass
from decimal import Decimal

_PER_TOKENS = 1_000_000
_MICRO_YUAN = Decimal("0.000001")
_MAX_CNY = Decimal("99999999.999999")  # the largest value that Completion.cost_cny holds


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """Prices in yuan per million tokens."""

    prompt: Decimal
    cached: Decimal
    completion: Decimal

    @classmethod
    def of(cls, *, prompt: Decimal | None, cached: Decimal | None, completion: Decimal | None) -> "Price | None":
        """None unless both prompt and completion have a price. Cached tokens without a price cost as much as others."""
        if prompt is None or completion is None:
            return None
        return cls(prompt=prompt, cached=prompt if cached is None else cached, completion=completion)

    def cost_cny(self, *, prompt_tokens: int, cached_tokens: int, completion_tokens: int) -> Decimal:
        """Rounded to a millionth of a yuan. Prompt tokens include the cached ones, completion tokens the reasoning."""
        cached_tokens = min(cached_tokens, prompt_tokens)
        cost = (
            (prompt_tokens - cached_tokens) * self.prompt
            + cached_tokens * self.cached
            + completion_tokens * self.completion
        )
        return min((cost / _PER_TOKENS).quantize(_MICRO_YUAN), _MAX_CNY)
