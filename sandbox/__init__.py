"""Runs the whole product without a key or a cost: fake vendors, `make run`, `make demo`. Nobody imports it."""
