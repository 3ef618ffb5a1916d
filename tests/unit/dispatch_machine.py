"""A model of workers that dispatch, stall, die and come back, of Mailjet's events, and of a person at the desk.

Ledger, dispatcher, reconciler and recorder are the real ones. Workers are threads that run one at a time: each
stops at the moments that matter (before the claim, claimed, before the bytes leave, after Mailjet took them)
and goes on, or dies, when the machine says so.
"""

import tempfile
from collections import Counter
from datetime import timedelta
from pathlib import Path

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy import select, text

from mailworker.core.lane import Lane
from mailworker.core.settlement import Receipt
from mailworker.core.states import FINAL, State, may_move
from mailworker.deliveries import Deliveries
from mailworker.dispatch.restored_ledger import WHY as LOST
from mailworker.ledger import Ledger
from mailworker.ledger.insert_messages import AcceptVerdict, accept
from mailworker.ledger.message_counts import tally
from mailworker.ledger.replay_cancel import CANCELLABLE, MessageFilter, cancel, candidates, replay
from mailworker.ledger.tables import events, messages, metadata, timeline
from mailworker.mailjet.parse_webhook import parse_events
from mailworker.reconcile.unknown_messages import Reconciler
from mailworker.rules.lookup_schedule import NOT_FOUND
from tests.doubles import Clock, MemoryJournal, settings
from tests.rows import STRICT, URGENT, row
from tests.unit.dispatch_events import CLOSING, TOLD, event
from tests.unit.dispatch_worker import Worker

SETTINGS = settings()
LEASE_OVER = 160
BY_HAND = "replayed by hand"
TRIGGER = """
CREATE TRIGGER log_moves AFTER UPDATE OF state ON messages WHEN old.state <> new.state
BEGIN INSERT INTO moves VALUES (new.id, old.state, new.state); END
"""


class DispatchMachine(RuleBasedStateMachine):
    """Everything that can happen to a handful of messages."""

    ledger = None
    settings = SETTINGS

    def __init__(self):
        super().__init__()
        if DispatchMachine.ledger is None:
            folder = tempfile.mkdtemp(dir="/dev/shm" if Path("/dev/shm").is_dir() else None)
            DispatchMachine.ledger = Ledger.open(f"sqlite:///{folder}/ledger.db")
            with self.ledger.write() as connection:
                connection.execute(text("CREATE TABLE moves (id TEXT, old TEXT, new TEXT)"))
                connection.execute(text(TRIGGER))
        self.clock, self.taken, self.accepted = Clock(), Counter(), {}
        self.workers, self.born, self.journal = [], 0, MemoryJournal()
        self.index_is_late = False
        self.proved, self.told, self.closed, self.limits = set(), {}, set(), {}
        self.deliveries = Deliveries(self.ledger, SETTINGS.kinds)
        self.reconciler = Reconciler(SETTINGS, self.ledger, self, clock=self.clock)

    @initialize()
    def clean(self):
        with self.ledger.write() as connection:
            for table in (*metadata.tables, "moves"):
                connection.execute(text(f"DELETE FROM {table}"))

    # --- Mailjet's index

    def one(self, custom_id):
        return Receipt(1, "u") if self.taken[custom_id] and not self.index_is_late else None

    def between(self, since, until):
        return {id_: Receipt(1, "u") for id_ in +self.taken if not self.index_is_late}

    # --- what is known from now on

    def learn(self, ids):
        """Mailjet is known to have these: a worker read so, or an event told it."""
        self.proved.update(ids)
        for id_ in ids:
            self._no_more_of(id_)

    def _no_more_of(self, id_):
        """Only calls that are under way may still bring it to Mailjet."""
        flying = sum(worker.moment == "calling" and id_ in worker.mails for worker in self.workers)
        most = self.taken[id_] + flying
        self.limits[id_] = min(self.limits.get(id_, most), most)

    # --- what happens

    @rule(key=st.integers(0, 2), kind=st.sampled_from([STRICT, STRICT, URGENT]))
    def enqueue(self, key, kind):
        fresh = row(f"m{len(self.accepted)}", idempotency_key=f"k{key}", kind=kind, not_before=self.clock.now,
                    lane=int(Lane.NORMAL), expires_at=self.clock.now + timedelta(hours=2),
                    to_email=self._address(key))  # fmt: skip
        with self.ledger.write() as connection:
            (answer,) = accept(connection, [fresh], self.clock.now)
        assert (answer.verdict is AcceptVerdict.NEW) is (key not in self.accepted), "once for each key"
        assert self.accepted.setdefault(key, answer.message_id) == answer.message_id
        if self._address(key) in self.closed:
            self._no_more_of(answer.message_id)

    def _address(self, key):
        """Two of the three go to the same person."""
        return f"client{key % 2}@client.example"

    @precondition(lambda self: self.accepted and len(self.workers) < 3)
    @rule()
    def a_worker_wakes(self):
        self.born += 1
        worker = Worker(self, self.born)
        worker.start()
        self._keep(worker)

    @precondition(lambda self: self.workers)
    @rule(which=st.integers(0, 2), data=st.data())
    def a_worker_goes_on(self, which, data):
        worker = self.workers[which % len(self.workers)]
        commands = {
            "before the claim": ["go", "go", "die"],
            "claimed": ["go", "go", "the CRM is away", "die"],
            "calling": ["took all", "took one", "refused at the door", "too fast", "lost on the way", "die"],
            "taken": ["go", "answer lost", "die"],
        }
        worker.go(data.draw(st.sampled_from(commands[worker.moment])))
        self._keep(worker)

    def _keep(self, worker):
        self.workers = [one for one in {*self.workers, worker} if not one.done]
        self.workers.sort(key=lambda one: one.number)

    @rule(seconds=st.sampled_from([1, 31, 301]))
    def time_passes(self, seconds):
        self.clock.advance(seconds)

    @rule()
    def leases_run_out_and_the_sweep_comes(self):
        self.clock.advance(LEASE_OVER)
        self.sweep()

    @rule()
    def sweep(self):
        self.reconciler.take_back()
        self.reconciler.expire()

    @rule(late=st.booleans())
    def reconcile(self, late):
        self.index_is_late = late
        self.reconciler.reconcile()

    @precondition(lambda self: self.taken)
    @rule(
        which=st.integers(0, 2),
        words=st.lists(st.sampled_from(sorted(TOLD)), min_size=1, max_size=3),
        second=st.integers(0, 1),
    )
    def mailjet_tells(self, which, words, second):
        """Events of a mail that Mailjet has: early, late, out of order, and again when a word was used before."""
        id_ = sorted(self.taken)[which % len(self.taken)]
        key = next(key for key, accepted in self.accepted.items() if accepted == id_)
        told = [event(word, id_, self._address(key), second) for word in words]
        self.deliveries.record(parse_events(told), now=self.clock.now)
        self.told.setdefault(id_, set()).update((word, second) for word in words)
        self.learn([id_])
        if CLOSING & set(words):
            self.closed.add(self._address(key))
            for other, accepted in self.accepted.items():
                if self._address(other) == self._address(key):
                    self._no_more_of(accepted)

    @rule(state=st.sampled_from([State.FAILED, State.FAILED, State.UNKNOWN]))
    def a_person_sends_again(self, state):
        with self.ledger.write() as connection:
            rows = candidates(connection, MessageFilter(states=(state,)), limit=9)
            replay(connection, rows, now=self.clock.now, why=f"{BY_HAND}: {state}")

    @precondition(lambda self: self.accepted)
    @rule(which=st.integers(0, 2))
    def a_person_cancels(self, which):
        id_ = f"m{which % len(self.accepted)}"
        with self.ledger.write() as connection:
            rows = candidates(connection, MessageFilter(ids=(id_,), states=CANCELLABLE), limit=9)
            cancel(connection, rows, now=self.clock.now, why="by hand", wipe=lambda row: row["variables"])
        if rows:
            self._no_more_of(id_)

    # --- what must always hold

    @invariant()
    def nothing_twice(self):
        with self.ledger.read() as connection:
            kinds = {one.id: one.kind for one in connection.execute(select(messages.c.id, messages.c.kind))}
        blindly, by_hand = self._sent_again(NOT_FOUND), self._sent_again(f"{BY_HAND}: {State.UNKNOWN}")
        for id_, times in self.taken.items():
            assert kinds[id_] == URGENT or not blindly[id_], "strict kinds are never sent again blindly"
            assert times <= 1 + blindly[id_] + by_hand[id_], f"Mailjet got {id_} {times} times"

    def _sent_again(self, why):
        """How often each message was made ready for this reason."""
        again = select(timeline.c.message_id).where(
            timeline.c.what == "ready", timeline.c.why.startswith(why)
        )
        with self.ledger.read() as connection:
            return Counter(connection.execute(again).scalars())

    @invariant()
    def what_is_known_to_be_there_does_not_leave_again(self):
        for id_ in self._in("sent"):
            self._no_more_of(id_)
        for id_, most in self.limits.items():
            assert self.taken[id_] <= most, f"Mailjet got {id_} again, or for a closed address"
        assert self.proved <= set(self._in("sent", "cancelled", "expired", "suppressed")), "a proof counts"

    @invariant()
    def what_mailjet_told_is_kept_once(self):
        with self.ledger.read() as connection:
            ids = list(connection.execute(select(events.c.message_id)).scalars())
            shown = select(timeline.c.message_id, timeline.c.what).where(timeline.c.what.in_(TOLD.values()))
            lines = Counter(tuple(line) for line in connection.execute(shown))
            stand = dict(connection.execute(select(messages.c.id, messages.c.delivery)).all())
        for id_, pairs in self.told.items():
            assert ids.count(id_) == len(pairs), "each event is kept once"
            for word, delivery in TOLD.items():
                assert lines[id_, delivery] == sum(one == word for one, _ in pairs), "each is shown once"
            last = max((word for word, _ in pairs), key=list(TOLD).index)
            assert stand[id_] == TOLD[last], f"{id_} stands as {stand[id_]}, not {TOLD[last]}"

    @invariant()
    def the_books_balance(self):
        with self.ledger.read() as connection:
            found = tally(connection)
        assert found.accepted == len(self.accepted) == found.final + found.waiting

    @invariant()
    def only_moves_of_the_table(self):
        with self.ledger.read() as connection:
            moves = connection.execute(text("SELECT old, new FROM moves")).all()
        assert all(may_move(State(old), State(new)) for old, new in moves), moves

    @invariant()
    def no_call_is_taken_for_a_lost_one(self):
        with self.ledger.read() as connection:
            lost = connection.execute(select(timeline.c.message_id).where(timeline.c.why == LOST)).all()
        assert not lost, "the ledger lost nothing here"

    @invariant()
    def what_is_said_to_be_sent_was_taken(self):
        assert set(self._in("sent")) <= set(self.taken)

    @invariant()
    def nobody_touches_what_a_call_holds(self):
        held = {id_: w for w in self.workers if w.moment in {"calling", "taken"} for id_ in w.mails}
        with self.ledger.read() as connection:
            for one in connection.execute(select(messages).where(messages.c.id.in_(list(held)))):
                began = one.called_at or self.clock.now
                if one.state == "sending" and one.lease == f"call-{held[one.id].number}":
                    continue
                over = one.id in self.proved or self._is_over(held[one.id], one.id)
                assert over, f"{one.id} was taken from a living call"
                assert began <= self.clock.now

    def _is_over(self, worker, id_):
        """Whether this worker's lease ran out: the sweep wrote so."""
        with self.ledger.read() as connection:
            query = select(timeline.c.what).where(
                timeline.c.message_id == id_, timeline.c.why.contains("is gone")
            )
            return "unknown" in set(connection.execute(query).scalars())

    def _in(self, *states):
        with self.ledger.read() as connection:
            return list(
                connection.execute(select(messages.c.id).where(messages.c.state.in_(states))).scalars()
            )

    # --- the end: everybody alive again, Mailjet's index complete

    def teardown(self):
        for worker in self.workers:
            worker.go("die")
        if not self.accepted:
            return
        self.workers, self.index_is_late = [], False
        for _ in range(12):
            self.clock.advance(LEASE_OVER)
            self.sweep()
            self.reconcile(late=False)
            self.a_worker_wakes()
            for command in ("go", "go", "took all", "go"):
                if self.workers:
                    self.workers[0].go(command)
                    self._keep(self.workers[0])
        self.nothing_twice()
        self.what_is_known_to_be_there_does_not_leave_again()
        self.only_moves_of_the_table()
        stuck = set(self.accepted.values()) - set(self._in(*map(str, FINAL)))
        assert stuck <= set(self._in("unknown")), "nothing is lost"
        assert not stuck & set(self.taken), "what Mailjet has is found"
