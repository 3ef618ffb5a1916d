"""The table of moves is the design's, move by move."""

import itertools

import pytest

from mailworker.core.states import FINAL, MOVES, WAITING, State, may_move

#: From, and the states it may go to. Whoever changes this changes the design.
TABLE = {
    "accepted": "rendering ready sent suppressed held expired cancelled failed",
    "rendering": "ready sent failed accepted",
    "ready": "sending sent expired cancelled suppressed held failed",
    "sending": "sent ready accepted unknown failed suppressed expired cancelled held",
    "unknown": "sent ready failed",
    "held": "ready accepted sent cancelled",
    "failed": "ready accepted cancelled sent",
    "sent": "",
    "suppressed": "",
    "expired": "",
    "cancelled": "",
}


@pytest.mark.parametrize(("old", "new"), list(itertools.product(State, State)))
def test_every_move_of_the_table_and_no_other(old, new):
    assert may_move(old, new) is (str(new) in TABLE[str(old)].split())


def test_the_table_knows_every_state():
    assert set(MOVES) == set(State) == {State(word) for word in TABLE}


def test_final_and_waiting_share_out_all_states():
    assert set(State) == FINAL | WAITING
    assert not FINAL & WAITING
    assert {str(state) for state in FINAL} == {"sent", "failed", "suppressed", "expired", "cancelled"}


def test_nothing_final_moves_by_itself_but_a_replay_of_what_failed():
    assert {state for state in FINAL if MOVES[state]} == {State.FAILED}


def test_whatever_waits_may_be_proved_to_be_sent():
    assert all(may_move(state, State.SENT) for state in WAITING)


def test_from_every_waiting_state_an_end_can_be_reached():
    for state in WAITING:
        reached, frontier = {state}, [state]
        while frontier:
            fresh = MOVES[frontier.pop()] - reached
            reached |= fresh
            frontier += fresh
        assert FINAL & reached, state
