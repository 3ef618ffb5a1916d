"""Who works on a scan, and which moment of the timetable it answers, to the second."""

from datetime import UTC, datetime, timedelta

import pytest

from mailworker.ledger.claiming import Lease
from mailworker.ledger.scan_runs import (
    KEEP,
    ScanMode,
    Start,
    advance,
    finish,
    latest,
    let_go,
    take,
    unfinished,
)

NOW = datetime(2026, 11, 2, 8, tzinfo=UTC)
SECOND = timedelta(seconds=1)
MINE, THEIRS = Lease("mine", NOW + 60 * SECOND), Lease("theirs", NOW + 120 * SECOND)


def start(connection, lease=MINE, now=NOW, **how):
    return take(connection, Start("reminders", **how), lease, now)


@pytest.mark.parametrize(("seconds", "taken"), [(0, False), (59, False), (60, True), (61, True)])
def test_a_scan_is_taken_over_when_its_lease_is_over(connection, seconds, taken):
    first = start(connection)
    second = start(connection, THEIRS, NOW + seconds * SECOND)
    assert (second is not None) is taken
    if taken:
        assert (second.id, second.lease, second.lease_until) == (first.id, "theirs", THEIRS.until)
        assert advance(connection, first, MINE) is False, "it is somebody else's now"


def test_a_scan_that_was_let_go_is_anybodys_at_once(connection):
    run = start(connection)
    let_go(connection, run, THEIRS, "not ours to let go")
    assert start(connection, THEIRS) is None
    let_go(connection, run, MINE, "the CRM does not answer")
    assert unfinished(connection, "reminders").trouble == "the CRM does not answer"
    assert start(connection, THEIRS).id == run.id


@pytest.mark.parametrize(
    ("answered", "asked", "runs"),
    [(NOW, NOW, False), (NOW, NOW - SECOND, False), (NOW, NOW + SECOND, True), (NOW, None, True)],
)
def test_a_moment_of_the_timetable_is_answered_once(connection, answered, asked, runs):
    finish(connection, start(connection, slot=answered), MINE, NOW)
    assert (start(connection, slot=asked) is not None) is runs


def test_a_rehearsal_answers_no_moment_but_is_not_repeated_either(connection):
    finish(connection, start(connection, slot=NOW, mode=ScanMode.REHEARSAL), MINE, NOW)
    assert latest(connection, "reminders")[0].slot is None
    assert start(connection, slot=NOW, mode=ScanMode.REHEARSAL) is None
    assert start(connection, slot=NOW).slot == NOW


def test_another_scans_runs_are_its_own(connection):
    start(connection, slot=NOW)
    assert take(connection, Start("balances", slot=NOW), THEIRS, NOW) is not None
    assert unfinished(connection, "other") is None
    assert latest(connection, "other") == []


def test_how_far_a_scan_is_is_kept_while_the_lease_holds(connection):
    run = start(connection)
    further = type(run)(
        **{name: getattr(run, name) for name in run.__dataclass_fields__} | {"seen": 3, "cursor": [7]}
    )
    assert advance(connection, further, Lease("mine", NOW + 90 * SECOND)) is True
    found = unfinished(connection, "reminders")
    assert (found.seen, found.cursor, found.lease_until) == (3, [7], NOW + 90 * SECOND)
    assert finish(connection, further, THEIRS, NOW) is False
    assert finish(connection, further, MINE, NOW) is True
    assert advance(connection, further, MINE) is False, "it is over"
    assert latest(connection, "reminders")[0].finished_at == NOW


@pytest.mark.parametrize(("age", "kept"), [(KEEP, 3), (KEEP + SECOND, 1)])
def test_old_runs_are_forgotten_but_for_the_latest(connection, age, kept):
    for at in (NOW - age, NOW - age, NOW):
        finish(connection, start(connection, now=at), MINE, at)
    assert len(latest(connection, "reminders", limit=9)) == kept
