"""Who may call: API keys, user tokens, throttling. Imports `foundation.serving`."""
