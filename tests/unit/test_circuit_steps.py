"""The circuit breaker step by step: what each event changes in what the workers know, and nothing else."""

from dataclasses import replace

import pytest

from mailworker.rules.circuit_breaker import (
    FULL,
    SILENT_OUTAGE,
    Circuit,
    Clearance,
    UnderWay,
    answered,
    by_this_clock,
    carrying,
    clearance,
    enter,
    found,
    left_out,
    open_for,
    pause,
    unanswered,
)

NOW = 1_000_000.0
PACE = 0.3
FRESH = Circuit(answered_at=NOW - 1, latency=0.1)
DOWN = Circuit(failures=1, answered_at=NOW - 100, lost=NOW - 50, latency=0.1)
WAITS = Clearance(0, wait=0.02)
QUESTION = Clearance(0, is_probe=True)


def flying(circuit, *calls):
    return replace(circuit, under_way=tuple(UnderWay(*call) for call in calls))


def test_an_installations_first_look_at_mailjet():
    assert Circuit() == Circuit(trust=200, failures=0, trials=0, trial=0, open_since=None, under_way=())
    assert not Circuit().is_open
    assert Circuit(open_since=0.0).is_open
    assert (FULL, SILENT_OUTAGE) == (50, 4)


@pytest.mark.parametrize(
    ("given", "is_question"),
    [(Clearance(0, True), True), (Clearance(1, True), False), (Clearance(0, True, 0.1), False),
     (Clearance(0), False), (Clearance(), False)],
)  # fmt: skip
def test_what_is_a_question(given, is_question):
    assert given.is_question is is_question


@pytest.mark.parametrize(
    ("circuit", "most", "cleared"),
    [
        (FRESH, 200, Clearance(50)),
        (FRESH, 30, Clearance(30)),
        (replace(FRESH, answered_at=NOW - 10), 200, Clearance(50)),
        (replace(FRESH, answered_at=NOW - 10.1), 200, Clearance(20)),
        (replace(FRESH, latency=4.0, answered_at=NOW - 12), 200, Clearance(50)),
        (replace(FRESH, latency=4.0, answered_at=NOW - 12.1), 200, Clearance(20)),
        (replace(FRESH, trust=0), 200, Clearance(1)),
        (replace(FRESH, trust=7), 200, Clearance(1)),
        (replace(FRESH, trust=8), 200, Clearance(2)),
        (replace(FRESH, trust=199), 200, Clearance(49)),
        (flying(FRESH, ("a", NOW - 3)), 200, WAITS),
        (flying(FRESH, ("a", NOW - 3.1)), 200, QUESTION),
        (flying(replace(FRESH, witness=NOW - 3), ("a", NOW - 3)), 200, Clearance(50)),
        (flying(replace(FRESH, latency=1.0), ("a", NOW - 4)), 50, WAITS),
        (flying(replace(FRESH, latency=1.0), ("a", NOW - 4.1)), 50, QUESTION),
        (flying(replace(FRESH, latency=9.0), ("a", NOW - 20), ("b", NOW - 1)), 100, WAITS),
        (flying(replace(FRESH, latency=9.0), ("a", NOW - 20.1), ("b", NOW - 1)), 100, QUESTION),
        (flying(replace(FRESH, latency=0.28), ("a", NOW - 1)), 200, Clearance(50)),
        (flying(replace(FRESH, latency=0.27), ("a", NOW - 1)), 200, WAITS),
        (flying(replace(FRESH, latency=0.28, trust=199), ("a", NOW - 1)), 200, WAITS),
        (flying(replace(FRESH, latency=0.28), ("a", NOW - 1)), 80, Clearance(30)),
        (flying(replace(FRESH, latency=0.28), ("a", NOW - 1)), 50, WAITS),
        (flying(replace(FRESH, latency=0.28), ("a", NOW - 1), ("b", NOW)), 200, WAITS),
        (flying(replace(FRESH, latency=9.0, answered_at=NOW - 28), ("a", NOW - 1)), 200, WAITS),
        (DOWN, 200, QUESTION),
        (replace(DOWN, next_try=NOW + 2), 200, Clearance(0, True, 2.0)),
        (replace(DOWN, next_try=NOW + 2, not_before=NOW + 5), 200, Clearance(0, True, 5.0)),
        (replace(DOWN, trial=10), 200, Clearance(10, True)),
        (replace(DOWN, trial=10), 4, Clearance(4, True)),
        (replace(DOWN, trial=10, next_try=NOW), 200, Clearance(10, True)),
        (replace(DOWN, trial=10, next_try=NOW + 1), 200, Clearance(0, True, 1.0)),
    ],
)
def test_what_may_leave(circuit, most, cleared):
    assert clearance(circuit, NOW, PACE, most) == cleared


def test_a_call_that_may_not_leave_changes_nothing():
    circuit = flying(FRESH, ("a", NOW - 1))
    assert enter(circuit, "b", NOW, PACE, 200) == (circuit, WAITS)


def test_a_call_in_good_times_is_only_noted_and_forgotten_ones_are_dropped():
    circuit = flying(replace(FRESH, witness=NOW - 1), ("old", NOW - 180), ("young", NOW - 179.9))
    going, cleared = enter(circuit, "b", NOW, PACE, 200)
    assert cleared == Clearance(50)
    assert going == flying(circuit, ("young", NOW - 179.9), ("b", NOW, False, 50))


@pytest.mark.parametrize(
    ("circuit", "messages", "failures", "trials", "next_try", "opens"),
    [
        (DOWN, 0, 2, 0, 2.0, False),
        (replace(DOWN, trials=3), 0, 2, 3, 2.0, False),
        (replace(DOWN, trial=10, trials=3), 10, 2, 4, 2.0, False),
        (replace(DOWN, trial=1, failures=2), 1, 3, 1, 4.0, False),
        (replace(DOWN, failures=3), 0, 4, 0, 8.0, True),
        (replace(DOWN, failures=3, trial=1), 1, 4, 1, 8.0, True),
    ],
)
def test_a_probe_counts_as_a_failure_until_it_is_answered(
    circuit, messages, failures, trials, next_try, opens
):
    going, cleared = enter(circuit, "p", NOW, PACE, 200)
    assert (cleared.messages, cleared.is_probe) == (messages, True)
    assert going == replace(
        flying(circuit, ("p", NOW, True, messages)),
        failures=failures,
        trials=trials,
        trial=0,
        next_try=NOW + next_try,
        open_since=NOW if opens else None,
        reason="Mailjet does not answer." if opens else "",
    )


def test_an_outage_that_is_told_keeps_its_begin_and_its_reason():
    circuit = replace(DOWN, failures=7, open_since=NOW - 60, reason="503")
    going, _ = enter(circuit, "p", NOW, PACE, 200)
    assert (going.open_since, going.reason, going.next_try) == (NOW - 60, "503", NOW + 30)


def test_a_question_after_silence_is_the_first_of_two_failures():
    going, cleared = enter(flying(FRESH, ("a", NOW - 4)), "q", NOW, PACE, 200)
    assert cleared == QUESTION
    assert (going.failures, going.trials, going.next_try) == (2, 0, NOW + 2)


def test_a_call_says_how_much_it_carries():
    circuit = flying(FRESH, ("a", NOW, False, 50), ("b", NOW, False, 50))
    assert carrying(circuit, "b", 7) == flying(FRESH, ("a", NOW, False, 50), ("b", NOW, False, 7))


@pytest.mark.parametrize(
    ("call", "trial", "trials"),
    [
        (("p", NOW, True, 10), 10, 2),
        (("p", NOW, True, 0), 0, 3),
        (("p", NOW, False, 10), 0, 3),
        (("other", NOW, True, 10), 0, 3),
    ],
)
def test_a_trial_that_did_not_leave_may_be_made_again(call, trial, trials):
    circuit = replace(DOWN, trials=3)
    kept = [call] if call[0] == "other" else []
    assert left_out(flying(circuit, call), "p") == replace(flying(circuit, *kept), trial=trial, trials=trials)
    assert left_out(replace(flying(circuit, ("p", NOW, True, 1)), trials=0, trial=5), "p") == replace(
        circuit, trials=0, trial=5
    )


def test_an_answer_in_good_times_earns_trust_and_teaches_the_usual_time():
    circuit = flying(FRESH, ("a", NOW - 0.6, False, 50), ("b", NOW - 0.1, False, 50))
    assert answered(circuit, "a", NOW) == replace(
        flying(FRESH, ("b", NOW - 0.1, False, 50)),
        trust=200,
        latency=pytest.approx(0.2),
        answered_at=NOW,
        witness=NOW - 0.6,
    )


@pytest.mark.parametrize(
    ("circuit", "took", "trust"),
    [
        (replace(FRESH, trust=149), 3.0, 199),
        (FRESH, 3.1, 200),
        (replace(FRESH, trust=5000), 0.1, 200),
        (replace(FRESH, answered_at=NOW - 100), 0.1, 200),
        (replace(FRESH, trust=60), 5.0, 110),
        (flying(FRESH, ("silent", NOW - 3.2)), 3.0, 40),
        (flying(FRESH, ("silent", NOW - 3.0)), 2.9, 200),
        (flying(replace(FRESH, trust=0), ("silent", NOW - 9)), 0.1, 40),
        (flying(FRESH, ("later", NOW + 1)), 0.1, 200),
        (replace(DOWN, trust=200, lost=NOW - 200), 0.1, 50),
    ],
)
def test_how_much_an_answer_is_worth(circuit, took, trust):
    going = replace(circuit, under_way=(*circuit.under_way, UnderWay("a", NOW - took)))
    assert answered(going, "a", NOW).trust == trust


def test_the_first_answer_is_the_usual_time():
    assert answered(flying(Circuit(), ("a", NOW - 2)), "a", NOW).latency == 2


def test_a_trial_that_is_answered_ends_the_outage():
    circuit = replace(DOWN, failures=5, trials=2, trial=1, open_since=NOW - 9, reason="503")
    over = answered(flying(circuit, ("p", NOW - 1, True, 1)), "p", NOW)
    assert (over.failures, over.trials, over.trial, over.open_since, over.reason) == (0, 0, 0, None, "")
    assert (over.trust, over.answered_at, over.witness) == (1, NOW, NOW - 1)


def test_a_late_answer_of_a_call_from_before_the_failure_ends_nothing():
    circuit = replace(DOWN, failures=5, open_since=NOW - 9)
    late = answered(flying(circuit, ("a", NOW - 51, False, 50)), "a", NOW)
    assert late == replace(circuit, latency=late.latency)
    assert answered(flying(circuit, ("a", NOW - 50, False, 50)), "a", NOW).failures == 0


def test_an_answer_of_a_call_that_nobody_knows_is_worth_one_message():
    assert answered(replace(FRESH, trust=9), "?", NOW).trust == 10
    assert answered(FRESH, "?", NOW).witness == NOW


@pytest.mark.parametrize(("trials", "wait"), [(0, 0), (1, 2), (2, 4), (6, 64), (7, 90), (60, 90)])
def test_a_question_that_is_answered_lets_a_message_try_later_and_later(trials, wait):
    circuit = replace(DOWN, trials=trials, next_try=NOW + 999)
    assert answered(flying(circuit, ("q", NOW - 1, True, 0)), "q", NOW) == replace(
        circuit, trial=1, next_try=NOW + wait, witness=NOW - 1
    )


def test_a_question_that_says_nothing_new():
    assert answered(flying(FRESH, ("q", NOW - 1, True, 0)), "q", NOW) == FRESH
    old = flying(DOWN, ("q", NOW - 51, True, 0))
    assert answered(old, "q", NOW) == DOWN
    several = flying(replace(DOWN, trial=7), ("q", NOW - 50, True, 0))
    assert answered(several, "q", NOW).trial == 7


def test_an_unseen_outcome_lets_only_questions_leave():
    lost = unanswered(flying(FRESH, ("a", NOW - 30)), "a", NOW, "time-out", 7.0)
    assert lost == replace(FRESH, failures=1, trust=0, not_before=NOW + 7, lost=NOW - 30)
    assert unanswered(replace(FRESH, trial=3), "?", NOW, "x") == replace(
        FRESH, failures=1, trust=0, not_before=NOW, lost=NOW
    )


def test_the_second_failure_in_a_row_is_an_outage():
    second = unanswered(flying(replace(DOWN, failures=2), ("a", NOW - 1)), "a", NOW, "503")
    assert (second.failures, second.open_since, second.reason, second.lost) == (2, NOW, "503", NOW - 1)
    third = unanswered(flying(replace(second, failures=3), ("b", NOW + 4)), "b", NOW + 5, "time-out")
    assert (third.open_since, third.reason, third.failures) == (NOW, "time-out", 3)
    first = unanswered(replace(DOWN, reason="before"), "?", NOW, "503")
    assert (first.open_since, first.reason) == (None, "before")


def test_a_failure_before_a_newer_answer_is_no_news_but_for_a_pause_that_mailjet_asks_for():
    circuit = flying(replace(FRESH, witness=NOW - 1, trust=500), ("a", NOW - 2))
    assert unanswered(circuit, "a", NOW, "x") == replace(FRESH, witness=NOW - 1, trust=40)
    assert unanswered(circuit, "a", NOW, "x", 5.0).failures == 1
    assert unanswered(flying(circuit, ("a", NOW - 1)), "a", NOW, "x").failures == 1


@pytest.mark.parametrize(("messages", "trial"), [(1, 2), (2, 2), (7, 7), (10, 10), (11, 10), (50, 10)])
def test_as_many_may_try_as_are_no_longer_in_doubt(messages, trial):
    circuit = replace(DOWN, trial=2, next_try=NOW + 9)
    assert found(circuit, messages) == replace(circuit, trial=trial, next_try=0.0)
    assert found(FRESH, messages) == FRESH


@pytest.mark.parametrize(
    ("failures", "seconds"), [(0, 0), (1, 0), (2, 2), (3, 4), (5, 16), (6, 30), (99, 30)]
)
def test_pauses_between_questions(failures, seconds):
    assert pause(failures) == seconds


def test_how_long_it_is_out_of_order():
    assert open_for(FRESH, NOW) == 0.0
    assert open_for(replace(FRESH, open_since=NOW - 7), NOW) == 7
    assert open_for(replace(FRESH, open_since=NOW), NOW) == 0.001


def test_a_clock_that_was_set_back_takes_every_moment_along():
    circuit = Circuit(
        next_try=110.0, not_before=120.0, open_since=90.0, answered_at=80.0, witness=70.0, lost=60.0,
        under_way=(UnderWay("a", 95.0, True, 3),), noted_at=100.0,
    )  # fmt: skip
    assert by_this_clock(circuit, 99.0) is circuit, "so little is no setting back"
    assert by_this_clock(circuit, 101.0) is circuit
    assert by_this_clock(circuit, 90.0) == replace(
        circuit, next_try=100.0, not_before=110.0, open_since=80.0, answered_at=70.0, witness=60.0, lost=50.0,
        under_way=(UnderWay("a", 85.0, True, 3),), noted_at=90.0,
    )  # fmt: skip
    assert by_this_clock(replace(circuit, open_since=None), 90.0).open_since is None
