"""The sandbox's Marketing API, which issues the tokens."""

from tests.attribution.costs.conftest import connected, marketing  # noqa: F401  # found by their names here
