"""A model of workers that dispatch, stall, die and come back, over the real ledger, dispatcher and reconciler.

Workers are threads that run one at a time: each stops at the moments that matter (before the claim, claimed,
before the bytes leave, after Mailjet took them) and goes on, or dies, when the machine says so.
"""

import tempfile
import threading
from collections import Counter
from datetime import timedelta
from pathlib import Path

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy import select, text

from mailworker.dispatch import Dispatcher, Hands
from mailworker.errors import Throttled, TransientError, UnknownOutcome, Unreachable
from mailworker.ledger import Ledger
from mailworker.ledger.accepting import Verdict, accept
from mailworker.ledger.books import books
from mailworker.ledger.tables import messages, metadata, timeline
from mailworker.limits import Permit
from mailworker.message import Lane, Receipt
from mailworker.reconcile import Reconciler
from mailworker.rules.lookups import NOT_FOUND
from mailworker.states import FINAL, State, may_move
from tests.doubles import Clock, FakeFiles, settings
from tests.rows import STRICT, URGENT, row

SETTINGS = settings()
LEASE_OVER = 160
TRIGGER = """
CREATE TRIGGER log_moves AFTER UPDATE OF state ON messages WHEN old.state <> new.state
BEGIN INSERT INTO moves VALUES (new.id, old.state, new.state); END
"""


class Killed(BaseException):
    """The process is gone, wherever it was."""


class Worker:
    """One worker process, as far as it got."""

    def __init__(self, machine, number):
        self.machine, self.number = machine, number
        self.moment, self.mails, self.command, self.fault = "", [], "", None
        self._mine, self._theirs = threading.Semaphore(0), threading.Semaphore(0)
        self.thread = threading.Thread(target=self._live, daemon=True)

    def start(self):
        self.thread.start()
        self._wait()

    def go(self, command):
        self.command = command
        self._mine.release()
        self._wait()

    @property
    def done(self):
        return not self.moment

    def stop_at(self, moment):
        """Called in the worker's own thread: hand over to the machine, come back with its command."""
        self.moment = moment
        self._theirs.release()
        self._mine.acquire()
        if self.command == "die":
            raise Killed
        return self.command

    def _wait(self):
        self._theirs.acquire()
        if self.fault is not None:
            raise self.fault

    def _live(self):
        hands = Hands(self.machine.ledger, self, self, FakeFiles(), self.ask_again)
        try:
            Dispatcher(SETTINGS, hands, clock=self.machine.clock).dispatch_once(Lane.NORMAL, patience=1)
        except Killed:
            pass
        except Exception as fault:  # noqa: BLE001 - the machine raises it
            self.fault = fault
        self.moment = ""
        self._theirs.release()

    # What the dispatcher works with:

    def take(self, lane, *, patience, worth_waiting):
        self.stop_at("before the claim")
        return Permit(f"call-{self.number}")

    def give_back(self, permit):
        pass

    def pause(self, seconds=0.0):
        return 5.0

    def ask_again(self, rows):
        if self.stop_at("claimed") == "the CRM is away":
            raise TransientError("the CRM is away")
        return {}

    def send(self, mails, *, call_id):
        self.mails = [mail.id for mail in mails]
        answer = self.stop_at("calling")
        if answer == "refused at the door":
            raise Unreachable("refused")
        if answer == "too fast":
            raise Throttled("429", retry_after=1)
        if answer == "lost on the way":
            raise UnknownOutcome("no answer")
        taken = self.mails[:1] if answer == "took one" else self.mails
        self.machine.taken.update(taken)
        if self.stop_at("taken") == "answer lost":
            raise UnknownOutcome("no answer")
        return [Receipt(1, "u") if id_ in taken else Unreachable("not this one") for id_ in self.mails]


class DispatchMachine(RuleBasedStateMachine):
    """Everything that can happen to a handful of messages."""

    ledger = None

    def __init__(self):
        super().__init__()
        if DispatchMachine.ledger is None:
            folder = tempfile.mkdtemp(dir="/dev/shm" if Path("/dev/shm").is_dir() else None)
            DispatchMachine.ledger = Ledger.open(f"sqlite:///{folder}/ledger.db")
            with self.ledger.write() as connection:
                connection.execute(text("CREATE TABLE moves (id TEXT, old TEXT, new TEXT)"))
                connection.execute(text(TRIGGER))
        self.clock, self.taken, self.accepted = Clock(), Counter(), {}
        self.workers, self.born = [], 0
        self.index_is_late = False
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

    # --- what happens

    @rule(key=st.integers(0, 2), kind=st.sampled_from([STRICT, STRICT, URGENT]))
    def enqueue(self, key, kind):
        fresh = row(f"m{len(self.accepted)}", idempotency_key=f"k{key}", kind=kind, not_before=self.clock.now,
                    lane=int(Lane.NORMAL), expires_at=self.clock.now + timedelta(hours=2))  # fmt: skip
        with self.ledger.write() as connection:
            (answer,) = accept(connection, [fresh], self.clock.now)
        assert (answer.verdict is Verdict.NEW) is (key not in self.accepted), "once for each key"
        assert self.accepted.setdefault(key, answer.message_id) == answer.message_id

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

    # --- what must always hold

    @invariant()
    def nothing_twice(self):
        with self.ledger.read() as connection:
            kinds = {one.id: one.kind for one in connection.execute(select(messages.c.id, messages.c.kind))}
            again = select(timeline.c.message_id).where(
                timeline.c.what == "ready", timeline.c.why.startswith(NOT_FOUND)
            )
            allowed = Counter(connection.execute(again).scalars())
        for id_, times in self.taken.items():
            assert kinds[id_] == URGENT or not allowed[id_], "strict kinds are never sent again blindly"
            assert times <= 1 + allowed[id_], f"Mailjet got {id_} {times} times"

    @invariant()
    def the_books_balance(self):
        with self.ledger.read() as connection:
            found = books(connection)
        assert found.accepted == len(self.accepted) == found.final + found.waiting

    @invariant()
    def only_moves_of_the_table(self):
        with self.ledger.read() as connection:
            moves = connection.execute(text("SELECT old, new FROM moves")).all()
        assert all(may_move(State(old), State(new)) for old, new in moves), moves

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
                assert self._is_over(held[one.id], one.id), f"{one.id} was taken from a living call"
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
        self.only_moves_of_the_table()
        stuck = set(self.accepted.values()) - set(self._in(*map(str, FINAL)))
        assert stuck <= set(self._in("unknown")), "nothing is lost"
        assert not stuck & set(self.taken), "what Mailjet has is found"
