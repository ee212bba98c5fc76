"""Child processes that never outlive this one, however it ends."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable

PR_SET_PDEATHSIG = 1  # <linux/prctl.h>

# Loaded here, because between fork and exec nothing may be imported.
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def tied(end_signal: signal.Signals) -> Callable[[], None]:
    """Return a `preexec_fn` with which the child gets `end_signal` when this process dies, even by SIGKILL.

    Only Linux has this; elsewhere the children of a killed parent stay until the next start ends them.
    """
    parent = os.getpid()

    def tie() -> None:
        die_with_parent(end_signal)
        if os.getppid() != parent:  # the parent died before the call
            os._exit(1)

    return tie


def die_with_parent(end_signal: signal.Signals) -> None:
    if _libc is not None:
        _libc.prctl(PR_SET_PDEATHSIG, int(end_signal))


def end(process: subprocess.Popen[bytes], end_signal: signal.Signals, *, within_s: float) -> None:
    """Ask the process to end, wait, and kill it if it has not ended in time."""
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(end_signal)
    try:
        process.wait(within_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
