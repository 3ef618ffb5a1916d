"""Nothing lost, nothing twice, whatever happens; and the model finds out when a guard is missing."""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from mailworker.core.states import State
from mailworker.deliveries import record_events
from mailworker.dispatch import dispatcher, record_call_outcome
from mailworker.ledger import stuck_messages
from mailworker.reconcile import unknown_messages
from tests.rows import STRICT, URGENT
from tests.unit.dispatch_machine import DispatchMachine

STORM = settings(
    max_examples=20,
    stateful_step_count=25,
    suppress_health_check=list(HealthCheck),
)


def test_nothing_is_lost_and_nothing_sent_twice():
    run_state_machine_as_test(DispatchMachine, settings=STORM)


def without_the_lease(monkeypatch):
    guarded = record_call_outcome.settle

    def reckless(*args, lease, **rest):
        return guarded(*args, lease=None, **rest)

    monkeypatch.setattr(record_call_outcome, "settle", reckless)


def without_asking_before_the_call(monkeypatch):
    def reckless(self, batch, mails):
        return guarded(self, batch, mails)[0], mails

    guarded = dispatcher.Dispatcher._begin
    monkeypatch.setattr(dispatcher.Dispatcher, "_begin", reckless)


def unknown_as_if_nothing_had_left(monkeypatch):
    guarded = stuck_messages._stranded
    monkeypatch.setattr(
        stuck_messages, "_stranded", lambda row, *rest: guarded({**row, "called_at": None}, *rest)
    )


def not_found_as_proof(monkeypatch):
    guarded = unknown_messages.after_not_found

    def hasty(id_, kind, **rest):
        return replace(guarded(id_, kind, **rest), state=State.READY, why="Mailjet does not know it yet")

    monkeypatch.setattr(unknown_messages, "after_not_found", hasty)


def a_lost_answer_as_a_failure(monkeypatch):
    guarded = record_call_outcome.settlement

    def hasty(*args, **rest):
        fate = guarded(*args, **rest)
        return replace(fate, state=State.READY) if fate.state is State.UNKNOWN else fate

    monkeypatch.setattr(record_call_outcome, "settlement", hasty)


def events_that_prove_nothing(monkeypatch):
    monkeypatch.setattr(record_events, "prove", lambda *_, **__: 0)


def late_answers_that_prove_nothing(monkeypatch):
    monkeypatch.setattr(record_call_outcome, "prove", lambda *_, **__: 0)


def the_last_event_counts(monkeypatch):
    monkeypatch.setattr(record_events, "furthest", lambda told: [one for one in told if one is not None][-1])


def every_event_is_new(monkeypatch):
    def forgetful(connection, rows):
        guarded(connection, rows)
        return {one["id"] for one in rows}

    guarded = record_events.delivery_events.keep
    monkeypatch.setattr(record_events.delivery_events, "keep", forgetful)


def bounces_that_close_nothing(monkeypatch):
    monkeypatch.setattr(record_events, "suppress_by", lambda *_, **__: 0)


SENT = "enqueue, wakes, 1: go, 1: go, 1: took all, 1: go"
#: Mailjet took it, nobody read its answer, its index does not show it, and its kind is sent again.
READY_AGAIN = (
    "enqueue urgent, wakes, 1: go, 1: go, 1: took all, 1: answer lost, stall, late, stall, late, stall, late"
)

#: For each guard, what has to happen for its absence to show. "wakes" is a new worker; "2: go" sends the second
#: one on; "told" is the event of a mail that arrived. The same stories must come to no harm with all guards.
STORIES = [
    (without_the_lease, "enqueue, wakes, 1: go, stall, wakes, 2: go, 2: go, 1: the CRM is away"),
    (
        without_asking_before_the_call,
        "enqueue, wakes, 1: go, stall, wakes, 2: go, 2: go, 2: took all, 2: go, 1: go, 1: took all",
    ),
    (without_asking_before_the_call, f"{READY_AGAIN}, wakes, 2: go, told, 2: go, 2: took all"),
    (
        unknown_as_if_nothing_had_left,
        "enqueue, wakes, 1: go, 1: go, 1: took all, 1: die, stall, wakes, 2: go, 2: go, 2: took all",
    ),
    (
        not_found_as_proof,
        "enqueue, wakes, 1: go, 1: go, 1: took all, 1: die, stall, late, wakes, 2: go, 2: go, 2: took all",
    ),
    (
        a_lost_answer_as_a_failure,
        "enqueue, wakes, 1: go, 1: go, 1: took all, 1: answer lost, stall, wakes, 2: go, 2: go, 2: took all",
    ),
    (events_that_prove_nothing, f"{READY_AGAIN}, told, wakes, 2: go, 2: go, 2: took all"),
    (events_that_prove_nothing, "enqueue, wakes, 1: go, 1: go, 1: took all, 1: die, stall, told"),
    (late_answers_that_prove_nothing, "enqueue, wakes, 1: go, 1: go, 1: took all, stall, 1: go"),
    (the_last_event_counts, f"{SENT}, bounced, told"),
    (every_event_is_new, f"{SENT}, told, told"),
    (bounces_that_close_nothing, f"{SENT}, bounced, enqueue its neighbour, wakes, 2: go, 2: go, 2: took all"),
]


def live_through(story):
    """Play a story on the machine, asking all its invariants after each step."""
    machine = DispatchMachine()
    machine.clean()
    for step in story.split(", "):
        play(machine, step)
        machine.nothing_twice()
        machine.nobody_touches_what_a_call_holds()
        machine.only_moves_of_the_table()
        machine.the_books_balance()
        machine.what_is_said_to_be_sent_was_taken()
        machine.what_is_known_to_be_there_does_not_leave_again()
        machine.what_mailjet_told_is_kept_once()
    machine.teardown()


def play(machine, step):
    """One step of a story."""
    who, _, command = step.rpartition(": ")
    match step:
        case "enqueue":
            machine.enqueue(key=0, kind=STRICT)
        case "enqueue urgent":
            machine.enqueue(key=0, kind=URGENT)
        case "enqueue its neighbour":
            machine.enqueue(key=2, kind=STRICT)
        case "wakes":
            machine.a_worker_wakes()
        case "stall":
            machine.leases_run_out_and_the_sweep_comes()
        case "late":
            machine.reconcile(late=True)
        case "told":
            machine.mailjet_tells(0, ["sent"], 0)
        case "bounced":
            machine.mailjet_tells(0, ["bounce"], 1)
        case _:
            for worker in [one for one in machine.workers if str(one.number) == who]:
                worker.go(command)
                machine._keep(worker)


CAUGHT = (
    r"Mailjet got|taken from a living call|strict kinds|a proof counts|stands as|is kept once|is shown once"
)


@pytest.mark.parametrize(("take_out", "story"), STORIES)
def test_of_the_test_a_missing_guard_is_found(monkeypatch, take_out, story):
    live_through(story)
    take_out(monkeypatch)
    with pytest.raises(AssertionError, match=CAUGHT):
        live_through(story)
