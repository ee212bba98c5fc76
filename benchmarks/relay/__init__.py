"""The relay benchmarks: one fake provider, one load client, and one relay after another between them."""
