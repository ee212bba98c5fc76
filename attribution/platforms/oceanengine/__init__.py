"""Ocean Engine (巨量引擎): all that is known of this vendor."""
