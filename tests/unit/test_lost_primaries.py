"""Ledger and Redis go away in the middle of a call's story: what a worker knows of its messages is not lost with them."""

import time
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
from sqlalchemy import select, update

from mailworker.core.lane import Lane
from mailworker.dispatch import DispatchDependencies, Dispatcher, record_call_outcome
from mailworker.errors import Misconfigured, TransientError
from mailworker.ledger import Ledger
from mailworker.ledger.holds import current_holds
from mailworker.ledger.insert_messages import accept
from mailworker.ledger.sqlite_write_queue import LedgerUnavailable
from mailworker.ledger.tables import messages
from mailworker.limits.call_journal import JournalUnavailable
from tests.doubles import Clock, FakeBreaker, FakeBucket, FakeFiles, FakePost, MemoryJournal, settings
from tests.rows import NOW, row

IDS = ("m1", "m2", "m3")
#: More transactions than one call's story has.
MOST = 9


class FailingLedger:
    """A ledger that is lost with its n-th transaction, before or after its commit, and back some tries later."""

    def __init__(self, ledger):
        self.ledger = ledger
        self.lost_at, self.committed, self.back_after, self.count = 0, False, 2, 0

    def lose(self, at, *, committed):
        self.lost_at, self.committed, self.count = at, committed, 0

    @property
    def struck(self):
        return 0 < self.lost_at <= self.count

    @contextmanager
    def _through(self, opened):
        self.count += 1
        if self.lost_at and self.lost_at <= self.count < self.lost_at + self.back_after:
            if self.count > self.lost_at or not self.committed:
                raise LedgerUnavailable("The ledger does not answer.")
            with opened() as connection:
                yield connection
            raise LedgerUnavailable("The ledger does not answer.")
        with opened() as connection:
            yield connection

    def write(self):
        return self._through(self.ledger.write)

    def read(self):
        return self._through(self.ledger.read)


class World:
    """A dispatcher whose surroundings go away."""

    def __init__(self, file):
        self.real = Ledger.open(f"sqlite:///{file}")
        self.ledger = FailingLedger(self.real)
        self.post, self.breaker, self.journal, self.clock = (
            FakePost(),
            FakeBreaker(),
            MemoryJournal(),
            Clock(),
        )
        deps = DispatchDependencies(
            self.ledger,
            FakeBucket(),
            self.post,
            FakeFiles(),
            lambda _rows: {},
            self.breaker,
            self.journal,
        )
        self.dispatcher = Dispatcher(settings(), deps, clock=self.clock)

    def put(self, *ids):
        with self.real.write() as connection:
            connection.execute(messages.delete())
            accept(connection, [row(id_) for id_ in ids], NOW)
        self.post.taken.clear()
        self.journal.calls.clear()

    def go(self):
        try:
            self.dispatcher.dispatch_once(Lane.NORMAL, patience=1)
        except TransientError:
            return False
        return True

    def states(self):
        with self.real.read() as connection:
            return dict(tuple(one) for one in connection.execute(select(messages.c.id, messages.c.state)))

    def go_on(self):
        """As the sweep has it done, once everybody is back. No lease runs out meanwhile."""
        self.ledger.lost_at = 0
        for _ in range(4):
            self.clock.advance(30)
            self.go()


@pytest.fixture
def world(ledger_file, monkeypatch):
    clock = SimpleNamespace(sleep=lambda _seconds: None, monotonic=time.monotonic)
    monkeypatch.setattr(record_call_outcome, "time", clock)
    made = World(ledger_file)
    yield made
    made.real.close()


@pytest.mark.parametrize("committed", [False, True], ids=["before its commit", "its commit's answer lost"])
@pytest.mark.parametrize("at", range(1, MOST))
def test_a_ledger_lost_for_a_moment_leaves_nothing_to_its_lease(world, at, committed):
    world.put(*IDS)
    world.ledger.lose(at, committed=committed)
    world.go()
    assert set(world.states().values()) <= {"ready", "sent"}
    world.go_on()
    assert world.states() == dict.fromkeys(IDS, "sent")
    assert sorted(world.post.taken) == list(IDS), "each once"


def test_the_story_has_no_more_transactions_than_that(world):
    world.put(*IDS)
    world.ledger.lose(MOST, committed=False)
    assert world.go()
    assert not world.ledger.struck


@pytest.mark.parametrize("back_after", [1, 2, 5])
@pytest.mark.parametrize("verb", ["last_calls", "note", "carry", "leave"])
def test_redis_and_the_ledger_lost_together_leave_nothing_to_the_lease(world, verb, back_after):
    """As with a host that has both: the journal or the breaker is gone, and then the ledger, too."""

    def gone(*_args):
        world.ledger.lose(1, committed=False)
        raise JournalUnavailable("Redis does not answer.")

    world.put(*IDS)
    world.ledger.back_after = back_after
    holder = world.journal if verb in {"last_calls", "note"} else world.breaker
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(holder, verb, gone)
        if verb == "leave":
            patch.setattr(
                world.dispatcher, "_check", lambda batch: (_ for _ in ()).throw(TransientError("x"))
            )
        assert not world.go()
    assert world.states() == dict.fromkeys(IDS, "ready")
    assert world.post.calls == [], "nothing left"
    world.go_on()
    assert (world.states(), sorted(world.post.taken)) == (dict.fromkeys(IDS, "sent"), list(IDS))


def test_a_ledger_that_stays_away_is_given_up_after_a_while(world, monkeypatch):
    moments = iter(range(0, 10_000, 10))
    clock = SimpleNamespace(sleep=lambda _seconds: None, monotonic=lambda: next(moments))
    monkeypatch.setattr(record_call_outcome, "time", clock)
    world.put(*IDS)
    world.post.answer = lambda _mail: world.ledger.lose(1, committed=False) or _receipt()
    world.ledger.back_after = 10_000
    assert not world.go()
    assert world.ledger.count < 10, "tries within 45 s, one every 10"
    assert set(world.states().values()) == {"sending"}, "the look-up finds out"


def _receipt():
    return FakePost().answer(None)


@pytest.mark.parametrize("scope", ["a kind", "everything"])
def test_a_hold_is_written_down_once_the_ledger_is_back(world, scope):
    fault = Misconfigured("the key is wrong", code="401")

    def answer(_mail):
        world.ledger.lose(1, committed=False)
        if scope == "everything":
            raise fault
        return fault

    world.put("m1")
    world.post.answer = answer
    assert world.go()
    with world.real.read() as connection:
        assert len(list(current_holds(connection))) == 1
    assert world.states() == {"m1": "ready"}


def test_a_message_that_somebody_else_took_meanwhile_is_left_to_them(world):
    def gone(*_args):
        with world.real.write() as connection:
            connection.execute(update(messages).where(messages.c.id == "m2").values(lease="somebody else's"))
        raise JournalUnavailable("Redis does not answer.")

    world.put(*IDS)
    world.journal.note = gone
    assert not world.go()
    assert world.states() == {"m1": "ready", "m2": "sending", "m3": "ready"}
