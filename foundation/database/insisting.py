"""Writes that must not be lost: they wait out a database that is down for a moment.

A worker that gave up at once would lose the answers it has received, and the reports would be sent again.
"""

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from django.db import InterfaceError, OperationalError, connection

logger = logging.getLogger(__name__)

# A restart of PostgreSQL, or its move to another machine.
FOR_S = 20.0
PAUSE_S = 0.5

Result = TypeVar("Result")


def insist(write: Callable[[], Result]) -> Result:
    """Call `write`, and repeat it while the database can't be reached. A write may succeed and still be repeated.

    Raises: the last error, after `FOR_S`.
    """
    give_up_at = time.monotonic() + FOR_S
    while True:
        try:
            return write()
        except (OperationalError, InterfaceError) as err:
            connection.close()
            if time.monotonic() > give_up_at:
                raise
            logger.warning("The database cannot be reached, trying again: %s", type(err).__name__)
            time.sleep(PAUSE_S)
