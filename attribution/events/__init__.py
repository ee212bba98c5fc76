"""Events in: checked, stored once, and what follows from them by rule. Imports models, devices and platforms."""
