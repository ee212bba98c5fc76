"""The admin at size: `seed` fills a database with `rows`, `pages` measures what people open, `run` does both."""
