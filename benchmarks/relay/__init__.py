"""The relay's part: one fake provider, one load client, and the relays between them, one after the other."""
