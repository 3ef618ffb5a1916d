"""A worker's process for tests of its tasks: a Redis without a server, and what they wake, start and log."""

import os
from datetime import timedelta

from mailworker.queue import wake as wake_ups
from mailworker.tasks import base
from mailworker.tasks.app import app
from tests.doubles import Clock, box, settings
from tests.redis_clock import simulated_redis

AT_ONCE = timedelta(0)


class Log:
    """Remembers each line with its level."""

    def __init__(self):
        self.lines = []

    def __getattr__(self, level):
        return lambda event, **facts: self.lines.append((level, event, facts))

    def at(self, level):
        return [event for one, event, _ in self.lines if one == level]


class TaskScene:
    """`parts` are those of the container. `woken` are the channels with their delays, in order."""

    def __init__(self, monkeypatch, extra="", **parts):
        self.redis, self.clock, self.log = simulated_redis(), Clock(), Log()
        self.woken, self.started = [], []
        given = {"redis": self.redis, "clock": self.clock, "settings": settings(extra), "traces": None}
        self.container = box(**(given | parts))
        monkeypatch.setitem(base._containers, os.getpid(), self.container)
        monkeypatch.setitem(base._watches, os.getpid(), box(look=lambda _container: None))
        monkeypatch.setattr(wake_ups, "send_wake_up", self._wake)
        monkeypatch.setattr(app, "send_task", self._start)
        monkeypatch.setitem(app.conf, "worker_send_task_events", False)

    def _wake(self, celery, channel, *, after=AT_ONCE):
        assert celery is app
        self.woken.append(channel if after == AT_ONCE else (channel, after))

    def _start(self, name, **how):
        self.started.append((name, how))

    def listen(self, monkeypatch, *modules):
        """Have these modules log here."""
        for module in modules:
            monkeypatch.setattr(module, "log", self.log)
        return self
