"""A connection waits for a request's head so long and no longer, and for nothing else."""

from types import SimpleNamespace

import pytest
from uvicorn.protocols.http.h11_impl import H11Protocol

from mailworker.web.request_timeouts import HEAD_SECONDS, PatientConnection


class Timer:
    def __init__(self, seconds, act):
        self.seconds, self.act, self.cancelled = seconds, act, False

    def cancel(self):
        self.cancelled = True


class Line:
    """A connection whose loop only notes its timers, and whose protocol only notes what it is given."""

    def __init__(self, monkeypatch):
        self.timers, self.passed_on, self.closed = [], [], []
        for name in ("connection_made", "data_received", "on_response_complete", "connection_lost"):
            monkeypatch.setattr(
                H11Protocol, name, lambda _, *given, name=name: self.passed_on.append((name, *given))
            )
        self.connection = PatientConnection.__new__(PatientConnection)
        self.connection.loop = SimpleNamespace(call_later=self.later)
        self.transport = SimpleNamespace(close=lambda: self.closed.append(True), is_closing=lambda: False)
        self.connection.transport, self.connection.cycle = self.transport, None

    def later(self, seconds, act):
        self.timers.append(Timer(seconds, act))
        return self.timers[-1]

    @property
    def running(self):
        return [one for one in self.timers if not one.cancelled]


@pytest.fixture
def line(monkeypatch):
    made = Line(monkeypatch)
    made.connection.connection_made(made.transport)
    return made


def cycle(complete):
    return SimpleNamespace(response_complete=complete)


def test_a_connection_without_a_head_is_closed(line):
    (timer,) = line.running
    assert timer.seconds == HEAD_SECONDS == 10
    timer.act()
    assert line.closed == [True]
    assert line.passed_on == [("connection_made", line.transport)]


@pytest.mark.parametrize(
    ("found", "waits"), [(None, 1), (cycle(complete=False), 0), (cycle(complete=True), 1)]
)
def test_a_request_that_began_needs_no_timer(line, found, waits):
    line.connection.cycle = found
    line.connection.data_received(b"GET")
    assert len(line.running) == waits
    assert line.passed_on[-1] == ("data_received", b"GET")


@pytest.mark.parametrize(
    ("found", "closing", "anew"),
    [(None, False, True), (cycle(complete=True), False, True), (cycle(complete=False), False, False),
     (cycle(complete=True), True, False)],
)  # fmt: skip
def test_after_an_answer_the_next_head_is_waited_for(line, found, closing, anew):
    line.connection._stop_waiting()
    line.connection.cycle = found
    line.transport.is_closing = lambda: closing
    line.connection.on_response_complete()
    assert len(line.running) == anew
    assert line.passed_on[-1] == ("on_response_complete",)


def test_one_timer_at_most(line):
    line.connection.on_response_complete()
    assert [one.cancelled for one in line.timers] == [True, False]


def test_nothing_is_waited_for_where_nobody_is_any_more(line):
    line.connection.connection_lost(None)
    assert line.running == []
    assert line.passed_on[-1] == ("connection_lost", None)
    line.connection.connection_lost(None)
