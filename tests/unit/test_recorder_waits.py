"""A worker has the message of an event: the recorder lets go, waits a little longer each time, and gives up in the end."""

from collections import Counter
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailworker.config.builtin_kinds import KINDS
from mailworker.deliveries import Deliveries, record_events
from mailworker.deliveries.record_events import Recorded
from mailworker.ledger import delivery_events
from mailworker.ledger.sqlite_write_queue import PATIENCE_SECONDS, LedgerUnavailable
from tests.rows import NOW


class Locked(Exception):
    """What the driver of PostgreSQL raises where NOWAIT finds a lock, and the wrapper around it."""

    def __init__(self, sqlstate):
        super().__init__(sqlstate)
        self.orig = self
        self.sqlstate = sqlstate


def unavailable(sqlstate):
    fault = LedgerUnavailable("the ledger")
    fault.__cause__ = Locked(sqlstate)
    return fault


class ContendedLedger:
    """Raises these faults, one a transaction, and works after them."""

    def __init__(self, *faults, patience=0.0):
        self.faults = list(faults)
        self.tries = 0
        self.patience = patience

    @contextmanager
    def write(self):
        self.tries += 1
        if self.faults:
            record_events.time.sleep(self.patience)
            raise self.faults.pop(0)
        yield None


@pytest.fixture
def naps(monkeypatch):
    """The pauses that were made, none of them waited for."""
    taken = []

    def sleep(seconds):
        clock[0] += seconds
        taken.extend([seconds] if seconds else [])

    clock = [0.0]
    monkeypatch.setattr(record_events, "time", SimpleNamespace(sleep=sleep, monotonic=lambda: clock[0]))
    return taken


@pytest.fixture(autouse=True)
def _nothing_waits(monkeypatch):
    monkeypatch.setattr(delivery_events, "unmatched", lambda *_, **__: [])
    monkeypatch.setattr(delivery_events, "attach", lambda *_: None)
    monkeypatch.setattr(record_events, "_pair", lambda *_: [])


def matched(ledger):
    return Deliveries(ledger, KINDS).match_late(now=NOW)


@pytest.mark.parametrize("busy", [0, 1, 3, 8])
def test_a_lock_is_waited_for_longer_each_time(naps, busy):
    ledger = ContendedLedger(*[unavailable("55P03")] * busy)
    assert matched(ledger) == Recorded()
    assert ledger.tries == busy + 1
    assert len(naps) == busy
    assert naps == sorted(naps)
    assert sum(naps) < 10, "a webhook of Mailjet's waits for this"


def test_a_lock_that_stays_is_the_callers_fault_to_handle(naps):
    ledger = ContendedLedger(*[unavailable("55P03")] * 20)
    with pytest.raises(LedgerUnavailable):
        matched(ledger)
    assert (ledger.tries, len(naps)) == (9, 8)


def test_a_lock_on_the_whole_table_is_waited_for_once(naps):
    """PostgreSQL's code is the same; nine times the 30 s of a writer would outlast the task, which ends its worker."""
    ledger = ContendedLedger(*[unavailable("55P03")] * 20, patience=PATIENCE_SECONDS)
    with pytest.raises(LedgerUnavailable):
        matched(ledger)
    assert naps == [PATIENCE_SECONDS]


@pytest.mark.parametrize("fault", [unavailable("08006"), unavailable(None), LedgerUnavailable("away")])
def test_any_other_fault_goes_up_at_once(naps, fault):
    ledger = ContendedLedger(fault)
    with pytest.raises(LedgerUnavailable):
        matched(ledger)
    assert (ledger.tries, naps) == (1, [])


def counts():
    return st.builds(
        Recorded,
        *[st.integers(0, 99)] * 5,
        words=st.dictionaries(st.sampled_from(["open", "click", "bounce"]), st.integers(1, 9)).map(Counter),
        alarms=st.lists(st.text(max_size=3)).map(tuple),
        lags=st.lists(st.floats(0, 9)).map(tuple),
    )


@given(counts(), counts())
def test_what_two_transactions_did_adds_up_field_by_field(one, other):
    both = one + other
    for field in ("new", "repeated", "unmatched", "proved", "suppressed", "alarms", "lags"):
        assert getattr(both, field) == getattr(one, field) + getattr(other, field)
    assert Counter(both.words) == Counter(one.words) + Counter(other.words)
