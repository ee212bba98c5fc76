"""Tests of `deploy/`, as far as they work without a container engine, a cluster or a running systemd."""
