"""A call waits for the breaker and for a token: how long, in which order, and when it goes without."""

import pytest

from mailworker.limits import token_and_breaker
from mailworker.limits.rate_limit_by_lane import CallLane, Permit
from mailworker.limits.token_and_breaker import LONGEST_WAIT, Admission, admit
from mailworker.rules.circuit_breaker import Clearance


class Scene:
    """A clock that only waits move; a breaker with a script; a bucket that always has a token, or never."""

    lane = CallLane.BULK

    def __init__(self, monkeypatch, waits=(), entries=(), *, token=True):
        self.now, self.naps, self.taken, self.returned, self.asked = 100.0, [], [], [], []
        self.waits, self.entries, self.token = list(waits), list(entries), token
        monkeypatch.setattr(token_and_breaker, "time", self)

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        assert seconds > 0
        self.naps.append(round(seconds, 6))
        self.now += seconds

    def wait(self, *, urgent):
        assert urgent is (self.lane is CallLane.URGENT)
        self.asked.append(round(self.now - 100, 6))
        return self.waits.pop(0) if self.waits else 0.0

    def enter(self, call_id, *, urgent):
        assert urgent is (self.lane is CallLane.URGENT)
        wait = self.entries.pop(0) if self.entries else 0.0
        return Clearance(wait=wait), f"alarm {call_id}" if wait <= 0 else ""

    def take(self, lane, *, patience, worth_waiting):
        assert lane is self.lane
        self.taken.append(round(patience, 6))
        return Permit("c") if self.token else None

    def give_back(self, permit):
        self.returned.append(permit.call_id)

    def admit(self, patience=10.0, *, worth=True):
        return admit(self, self, self.lane, patience=patience, worth_waiting=lambda: worth)


@pytest.mark.parametrize("lane", CallLane)
def test_the_breaker_knows_whether_urgent_mail_asks(monkeypatch, lane):
    scene = Scene(monkeypatch)
    scene.lane = lane
    assert scene.admit() == GOES


GOES = Admission(Permit("c"), Clearance(wait=0.0), "alarm c")


def test_a_call_that_may_leave_leaves_at_once(monkeypatch):
    scene = Scene(monkeypatch)
    assert scene.admit() == GOES
    assert (scene.taken, scene.naps, scene.returned) == ([10.0], [], [])


def test_without_a_token_nobody_asks_the_breaker_to_let_it_leave(monkeypatch):
    scene = Scene(monkeypatch, token=False)
    assert scene.admit() is None
    assert (scene.naps, scene.returned) == ([], [])


def test_an_outage_spends_no_token(monkeypatch):
    scene = Scene(monkeypatch, waits=[30.0])
    assert scene.admit() is None
    assert (scene.taken, scene.naps) == ([], [])


@pytest.mark.parametrize(
    ("waits", "naps"),
    [
        ([0.1], [0.1]),
        ([0.9], [0.25]),
        ([LONGEST_WAIT], [0.25]),
        ([1.0, 0.75, 0.5, 0.1], [0.25, 0.25, 0.25, 0.1]),
    ],
)
def test_a_short_wait_is_waited_for_a_little_at_a_time(monkeypatch, waits, naps):
    scene = Scene(monkeypatch, waits=waits)
    assert scene.admit() == GOES
    assert scene.naps == naps
    assert scene.taken == [pytest.approx(10.0 - sum(naps))], "with what is left of its patience"


@pytest.mark.parametrize(
    ("wait", "patience", "goes"),
    [(LONGEST_WAIT + 0.01, 60.0, False), (0.2, 0.19, False), (0.2, 0.2, True), (0.2, 0.0, False)],
)
def test_a_longer_wait_than_is_worth_it_is_none(monkeypatch, wait, patience, goes):
    scene = Scene(monkeypatch, waits=[wait])
    assert (scene.admit(patience) is not None) is goes
    assert scene.naps == ([0.2] if goes else [])


def test_who_has_something_else_to_do_waits_for_nobody(monkeypatch):
    scene = Scene(monkeypatch, waits=[0.1])
    assert scene.admit(worth=False) is None
    assert scene.naps == []


@pytest.mark.parametrize(("entries", "times"), [([0.1], 2), ([0.1, 0.2], 3)])
def test_a_token_whose_call_may_not_leave_is_given_back(monkeypatch, entries, times):
    scene = Scene(monkeypatch, entries=entries)
    assert scene.admit() == GOES
    assert (len(scene.taken), scene.returned, scene.naps) == (times, ["c"] * (times - 1), entries)


def test_a_token_whose_call_may_not_leave_for_long_is_given_back_too(monkeypatch):
    scene = Scene(monkeypatch, entries=[30.0])
    assert scene.admit() is None
    assert (scene.returned, scene.naps) == (["c"], [])


def test_a_breaker_that_keeps_it_waiting_ends_its_patience(monkeypatch):
    scene = Scene(monkeypatch, waits=[0.2] * 99)
    assert scene.admit(1.0) is None
    assert sum(scene.naps) <= 1.0
