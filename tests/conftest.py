"""What every test has: real services, and the fixtures that more than one folder uses."""

import django

from tests import services

services.start()  # before Django reads its settings, which the imports below make it do
django.setup()

from tests.stack import processes, sandbox_server, stack, start_web  # noqa: E402, F401  # pytest finds fixtures by their names here
