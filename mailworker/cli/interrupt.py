"""Waiting for Ctrl-C, or for whoever stops us."""

import contextlib
import signal
import threading
from collections.abc import Callable
from types import FrameType

_LOOK_SECONDS = 0.5


def until_interrupted(unless: Callable[[], bool] = lambda: False) -> None:
    """Return at Ctrl-C or SIGTERM, or once `unless` is true."""
    stop = threading.Event()

    def terminated(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    before = signal.signal(signal.SIGTERM, terminated)
    try:
        with contextlib.suppress(KeyboardInterrupt):
            while not stop.wait(_LOOK_SECONDS) and not unless():
                pass
    finally:
        signal.signal(signal.SIGTERM, before)
