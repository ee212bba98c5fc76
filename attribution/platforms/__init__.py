"""Ad platforms, one folder each."""
