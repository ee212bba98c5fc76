"""What `deploy/` ships, as far as a machine without a container engine, a cluster or a running systemd can try it."""
