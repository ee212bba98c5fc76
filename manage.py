#!/usr/bin/env python
"""Django's command line for this project."""

import os
import sys

from django.core.management import execute_from_command_line

# The command that makes the secrets runs before there are any settings, and needs none.
NO_SETTINGS = {"DEBUG": "1", "DATABASE_URL": "postgres://unused", "REDIS_URL": "redis://unused"}

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    if sys.argv[1:2] == ["generate_secrets"]:
        os.environ.update(NO_SETTINGS)
    execute_from_command_line(sys.argv)
