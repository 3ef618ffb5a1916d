"""Nothing lost, nothing twice, whatever happens; and the model finds out when a guard is missing."""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from mailworker import reconcile
from mailworker.dispatch import dispatcher
from mailworker.ledger import sweeping
from mailworker.states import State
from tests.rows import STRICT
from tests.unit.dispatch_machine import DispatchMachine

STORM = settings(
    max_examples=50,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


def test_nothing_is_lost_and_nothing_sent_twice():
    run_state_machine_as_test(DispatchMachine, settings=STORM)


def without_the_lease(monkeypatch):
    guarded = dispatcher.settle
    monkeypatch.setattr(dispatcher, "settle", lambda *args, lease, **rest: guarded(*args, lease=None, **rest))


def without_asking_before_the_call(monkeypatch):
    def reckless(self, batch, mails):
        fresh = replace(batch.lease, until=self._clock() + self._settings.worker.lease)
        return replace(batch, lease=fresh), mails

    monkeypatch.setattr(dispatcher.Dispatcher, "_begin", reckless)


def unknown_as_if_nothing_had_left(monkeypatch):
    guarded = sweeping._stranded
    monkeypatch.setattr(sweeping, "_stranded", lambda row, *rest: guarded({**row, "called_at": None}, *rest))


def not_found_as_proof(monkeypatch):
    guarded = reconcile.after_not_found

    def hasty(id_, kind, **rest):
        return replace(guarded(id_, kind, **rest), state=State.READY, why="Mailjet does not know it yet")

    monkeypatch.setattr(reconcile, "after_not_found", hasty)


def a_lost_answer_as_a_failure(monkeypatch):
    guarded = dispatcher.settlement

    def hasty(*args, **rest):
        fate = guarded(*args, **rest)
        return replace(fate, state=State.READY) if fate.state is State.UNKNOWN else fate

    monkeypatch.setattr(dispatcher, "settlement", hasty)


#: For each guard, what has to happen for its absence to show. "wakes" is a new worker; "2: go" sends the second
#: one on. The same stories must come to no harm with all guards in place.
STORIES = {
    without_the_lease: "enqueue, wakes, 1: go, stall, wakes, 2: go, 2: go, 1: the CRM is away",
    without_asking_before_the_call: (
        "enqueue, wakes, 1: go, stall, wakes, 2: go, 2: go, 2: took all, 2: go, 1: go, 1: took all"
    ),
    unknown_as_if_nothing_had_left: (
        "enqueue, wakes, 1: go, 1: go, 1: took all, 1: die, stall, wakes, 2: go, 2: go, 2: took all"
    ),
    not_found_as_proof: (
        "enqueue, wakes, 1: go, 1: go, 1: took all, 1: die, stall, late, wakes, 2: go, 2: go, 2: took all"
    ),
    a_lost_answer_as_a_failure: (
        "enqueue, wakes, 1: go, 1: go, 1: took all, 1: answer lost, stall, wakes, 2: go, 2: go, 2: took all"
    ),
}


def live_through(story):
    """Play a story on the machine, asking all its invariants after each step."""
    machine = DispatchMachine()
    machine.clean()
    for step in story.split(", "):
        who, _, command = step.rpartition(": ")
        match step:
            case "enqueue":
                machine.enqueue(key=0, kind=STRICT)
            case "wakes":
                machine.a_worker_wakes()
            case "stall":
                machine.leases_run_out_and_the_sweep_comes()
            case "late":
                machine.reconcile(late=True)
            case _:
                for worker in [one for one in machine.workers if str(one.number) == who]:
                    worker.go(command)
                    machine._keep(worker)
        machine.nothing_twice()
        machine.nobody_touches_what_a_call_holds()
        machine.only_moves_of_the_table()
        machine.the_books_balance()
        machine.what_is_said_to_be_sent_was_taken()
    machine.teardown()


@pytest.mark.parametrize("take_out", STORIES)
def test_of_the_test_a_missing_guard_is_found(monkeypatch, take_out):
    live_through(STORIES[take_out])
    take_out(monkeypatch)
    with pytest.raises(AssertionError, match=r"Mailjet got|taken from a living call|strict kinds"):
        live_through(STORIES[take_out])
