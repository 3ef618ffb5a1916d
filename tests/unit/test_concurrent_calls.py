"""Several calls at once: how many, what waits for what, and what is left when something breaks."""

import threading
from dataclasses import replace
from types import SimpleNamespace

import pytest
from sqlalchemy import func, select

from mailworker.core.lane import Lane
from mailworker.core.message import Attachment
from mailworker.core.settlement import Receipt
from mailworker.dispatch import DispatchDependencies, Dispatched, Dispatcher, Pipeline
from mailworker.dispatch.concurrent_calls import FILE_BYTES_IN_FLIGHT, IN_FLIGHT
from mailworker.dispatch.interfaces import ClaimedBatch, Departure
from mailworker.errors import Misconfigured, TransientError
from mailworker.ledger import Ledger
from mailworker.ledger.claiming import Lease
from mailworker.ledger.holds import current_holds
from mailworker.ledger.insert_messages import accept
from mailworker.ledger.tables import messages
from tests.doubles import Clock, FakeBreaker, FakeBucket, FakeFiles, MemoryJournal, settings
from tests.rows import NOW, row

#: Whoever waits longer for other threads waits in vain.
PATIENCE = 20.0


class Calls:
    """A dispatcher of so many calls that are already prepared; `at_call` happens when one leaves."""

    def __init__(self, count, *, at_call=lambda _number: None, probes=(), breaks_at=None):
        self.left, self.at_call, self.probes, self.breaks_at = list(range(count)), at_call, probes, breaks_at
        self.prepared, self.flying, self.most, self.ended = [], 0, 0, []
        self.lock, self.broken = threading.Lock(), threading.Event()

    def prepare(self, _lane, *, patience):
        assert patience > 0
        number = self.left.pop(0) if self.left else None
        self.prepared.append((number, self.flying))
        if number is not None and number == self.breaks_at:
            self.broken.set()
            raise TransientError("The ledger does not answer.")
        if number is None:
            return None
        return Departure(
            ClaimedBatch(Lease(str(number), NOW), (), "*" if number in self.probes else None), (), {}
        )

    def depart(self, departure):
        number = int(departure.batch.lease.token)
        with self.lock:
            self.flying += 1
            self.most = max(self.most, self.flying)
        self.at_call(number)
        with self.lock:
            self.flying -= 1
            self.ended.append(number)
        return Dispatched(called=True)


def run(calls, seconds=60.0):
    reports = []
    with Pipeline(calls, reports.append) as pipeline:
        pipeline.run(Lane.BULK, seconds=seconds)
    return reports


def test_calls_wait_for_their_answers_side_by_side_but_not_more_than_so_many():
    all_there = threading.Barrier(IN_FLIGHT)
    calls = Calls(IN_FLIGHT * 3, at_call=lambda _number: all_there.wait(PATIENCE))
    assert len(run(calls)) == IN_FLIGHT * 3
    assert calls.most == IN_FLIGHT


def test_nothing_to_do_is_asked_once():
    calls = Calls(0)
    assert run(calls) == []
    assert calls.prepared == [(None, 0)]


def test_all_calls_have_ended_when_the_time_is_over():
    may_end = threading.Event()
    calls = Calls(2, at_call=lambda number: may_end.set() if number == 1 else may_end.wait(PATIENCE))
    assert len(run(calls)) == 2
    assert sorted(calls.ended) == [0, 1]
    assert run(Calls(5), seconds=0) == []


def test_nothing_leaves_beside_a_probe():
    next_one, overtaken = threading.Event(), []

    class Watched(Calls):
        def prepare(self, lane, *, patience):
            if len(self.prepared) == 2:
                next_one.set()
            return super().prepare(lane, patience=patience)

    calls = Watched(4, probes={1})
    calls.at_call = lambda number: number == 1 and overtaken.append(next_one.wait(0.3))
    run(calls)
    assert overtaken == [False], "while the probe is under way, no other call is prepared"
    assert calls.prepared[2] == (2, 0)


def test_what_breaks_in_a_call_is_raised_once_the_others_have_ended():
    broken = threading.Event()

    def at_call(number):
        if number == 0:
            assert broken.wait(PATIENCE)
        else:
            broken.set()
            raise TransientError("The ledger does not answer.")

    calls = Calls(2, at_call=at_call)
    with pytest.raises(TransientError):
        run(calls)
    assert calls.ended == [0]


def test_what_breaks_while_preparing_is_raised_once_the_calls_under_way_have_ended():
    calls = Calls(2, breaks_at=1)
    calls.at_call = lambda _number: calls.broken.wait(PATIENCE)
    with pytest.raises(TransientError):
        run(calls)
    assert calls.ended == [0]


class SlowPost:
    """A Mailjet that answers no call before so many have arrived."""

    def __init__(self, together, answer=Receipt):
        self.all_there, self.answer, self.ids = threading.Barrier(together), answer, []

    def weigh(self, mail):
        return 1000

    def send(self, mails, *, call_id, sandbox=False):
        self.ids += [mail.id for mail in mails]
        self.all_there.wait(PATIENCE)
        return [self.answer(number, call_id) for number, _ in enumerate(mails)]


@pytest.fixture
def container(ledger_file):
    ledger = Ledger.open(f"sqlite:///{ledger_file}")

    def made(post):
        deps = DispatchDependencies(
            ledger, FakeBucket(), post, FakeFiles(), lambda _rows: {}, FakeBreaker(), MemoryJournal()
        )
        return Dispatcher(settings(), deps, clock=Clock())

    made.ledger = ledger
    yield made
    ledger.close()


def states(container):
    with container.ledger.read() as connection:
        rows = connection.execute(select(messages.c.state, func.count()).group_by(messages.c.state))
        return dict(map(tuple, rows))


def send_all(dispatcher):
    with Pipeline(dispatcher, lambda _done: None) as pipeline:
        pipeline.run(Lane.NORMAL, seconds=60)


def fill(container, count):
    with container.ledger.write() as connection:
        accept(connection, [row(f"m{number:03}") for number in range(count)], NOW)


def test_four_calls_of_one_ledger_carry_each_message_once(container):
    fill(container, 200)
    post = SlowPost(4)
    send_all(container(post))
    assert len(post.ids) == len(set(post.ids)) == 200
    assert states(container) == {"sent": 200}


def test_refused_credentials_hold_all_mail_whoever_hears_of_it_first(container):
    fill(container, 200)

    def refuse(*_):
        raise Misconfigured("Mailjet refuses the key.", code="401")

    send_all(container(SlowPost(4, refuse)))
    with container.ledger.read() as connection:
        (hold,) = current_holds(connection)
    assert (hold.scope, hold.probes) == ("*", 0)


def test_heavy_files_leave_one_call_at_a_time():
    class Heavy(Calls):
        def prepare(self, lane, *, patience):
            departure = super().prepare(lane, patience=patience)
            files = (Attachment("f.pdf", "application/pdf", "x" * (FILE_BYTES_IN_FLIGHT + 1)),)
            mail = SimpleNamespace(attachments=files)
            return departure and replace(departure, mails=(mail,))

    calls = Heavy(6)
    run(calls)
    assert len(calls.ended) == 6
    assert calls.most == 1


def test_small_calls_leave_beside_a_large_one():
    """The large call is answered only once all others have been."""
    others = threading.Barrier(4)

    class Mixed(Calls):
        def prepare(self, lane, *, patience):
            departure = super().prepare(lane, patience=patience)
            large = departure is not None and departure.batch.lease.token == "0"
            mail = SimpleNamespace(
                attachments=(Attachment("f.pdf", "application/pdf", "x" * (FILE_BYTES_IN_FLIGHT + 1)),)
            )
            return (
                replace(departure, batch=replace(departure.batch, large=True), mails=(mail,))
                if large
                else departure
            )

    calls = Mixed(4, at_call=lambda _number: others.wait(PATIENCE))
    run(calls)
    assert calls.most == 4
