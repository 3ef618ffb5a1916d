"""A Redis without a server, whose clock the test moves."""

import sys
import time
from functools import cache
from types import ModuleType, SimpleNamespace

import fakeredis


class SimulatedClock:
    """Seconds that pass only when the test says so."""

    def __init__(self, start=1_796_000_000.0):
        self.seconds = start

    def time(self):
        return self.seconds

    def advance(self, seconds):
        self.seconds += seconds

    def install(self, monkeypatch):
        """Let fakeredis read this clock wherever it reads the time."""
        shim = SimpleNamespace(
            **{name: getattr(time, name) for name in dir(time) if not name.startswith("_")}
        )
        shim.time = self.time
        for module in _readers():
            monkeypatch.setattr(module, "time", shim)
        return self


@cache
def _readers():
    """The modules of fakeredis that read the time."""
    return [
        module
        for name, module in sys.modules.items()
        if name.startswith("fakeredis") and isinstance(getattr(module, "time", None), ModuleType)
    ]


def simulated_redis():
    """A Redis of its own."""
    return fakeredis.FakeRedis(
        server=fakeredis.FakeServer(), decode_responses=True, encoding_errors="surrogateescape"
    )
