"""One scan acts, whoever starts it; one that dies goes on where it was; nothing is said twice."""

from datetime import timedelta

import pytest

from mailworker.errors import Unreachable
from mailworker.ledger.scan_runs import Start, due, latest
from mailworker.scans.runner import LEASE, Scanner
from tests.scan_world import MONDAY, World, away, days_ago, invoice, wipe


@pytest.fixture
def world(scan_ledger):
    wipe(scan_ledger)
    return World(scan_ledger, *(invoice(n, due=days_ago(7), customer_id=f"C{n}") for n in range(1, 9)))


class Killed(BaseException):
    """The process is gone."""


def runs(world):
    with world.ledger.read() as connection:
        return latest(connection, "overdue_invoices", limit=10)


def test_every_invoice_is_seen_once_and_counted(world):
    run = world.scan()
    assert (run.seen, run.expected, run.found, run.written) == (8, 8, 8, 8)
    assert run.finished_at == MONDAY
    assert len(world.rows()) == 8


def test_a_second_scan_finds_nothing_to_say(world):
    world.scan()
    again = world.scan()
    assert (again.found, again.written, again.skipped) == (0, 0, {"already_said": 8})
    assert len(world.rows()) == 8


def test_a_slice_ends_after_a_page_and_the_next_goes_on(world):
    seen = []
    while (run := world.scan(seconds=-1)).finished_at is None:
        seen.append((run.id, run.seen))
    assert seen == [(run.id, 3), (run.id, 6), (run.id, 8)]
    assert (run.seen, run.written) == (8, 8)


def test_two_at_once_send_once(world):
    inside = []

    def while_the_first_works(_run):
        inside.append(world.scan())

    scanner = world.scanner()
    scanner.work(Start("overdue_invoices"), seconds=60, on_page=while_the_first_works)
    assert inside == [None, None, None]
    assert len(world.rows()) == 8
    assert len(runs(world)) == 1


def test_a_killed_scan_goes_on_when_its_lease_is_over(world):
    def die(run):
        raise Killed

    with pytest.raises(Killed):
        world.scanner().work(Start("overdue_invoices"), seconds=60, on_page=die)
    assert world.scan() is None, "its lease still runs"
    world.clock.advance(LEASE.total_seconds() + 1)
    run = world.scan()
    assert (run.seen, run.written, len(world.rows())) == (8, 8, 8)


def test_who_lost_the_lease_writes_nothing(world):
    """A scanner stands still past its lease, another one finishes, and the first one wakes up."""

    def stand_still(run):
        if run.seen == 3:
            world.clock.advance(LEASE.total_seconds() + 1)
            assert world.scan().written == 8
            with world.ledger.write() as connection:  # so that nothing but the lease is in its way
                connection.exec_driver_sql("DELETE FROM said WHERE about > 'invoice:3'")
                connection.exec_driver_sql("DELETE FROM messages WHERE invoice_id > '3'")

    late = world.scanner().work(Start("overdue_invoices"), seconds=60, on_page=stand_still)
    assert late is None
    assert {row["invoice_id"] for row in world.rows()} == {"1", "2", "3"}
    assert [run.seen for run in runs(world)] == [8]


def test_a_page_is_written_wholly_or_not_at_all(world, monkeypatch):
    def die(*_):
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(Scanner, "_write_mails", die)
        with pytest.raises(Killed):
            world.scan()
    assert world.rows() == []
    world.clock.advance(LEASE.total_seconds() + 1)
    assert world.scan().written == 8


def test_a_crm_that_goes_away_leaves_the_place_and_the_reason(world):
    def break_it(_run):
        world.crm.broken = away()

    with pytest.raises(Unreachable):
        world.scanner().work(Start("overdue_invoices"), seconds=60, on_page=break_it)
    (stopped,) = runs(world)
    assert (stopped.seen, stopped.trouble) == (3, "OmniCRM cannot be reached.")
    world.crm.broken = None
    run = world.scan()
    assert (run.id, run.seen, run.written) == (stopped.id, 8, 8)


def test_of_one_moment_in_the_timetable_one_scan(world):
    assert world.scan(slot=MONDAY).written == 8
    assert world.scan(slot=MONDAY) is None, "the second beat comes a second later"
    assert world.scan(slot=MONDAY - timedelta(days=1)) is None
    assert world.scan(slot=MONDAY + timedelta(days=1)) is not None


def test_a_scan_by_hand_answers_no_moment(world):
    world.scan()
    start = Start("overdue_invoices", slot=MONDAY)
    with world.ledger.read() as connection:
        assert due(connection, start, MONDAY)


def test_nobody_looks_twice_at_what_is_under_way(world):
    start = Start("overdue_invoices", slot=MONDAY)
    seen = []

    def look(_run):
        with world.ledger.read() as connection:
            seen.append(due(connection, start, world.clock.now))

    world.scanner().work(start, seconds=60, on_page=look)
    assert seen == [False, False, False]


def test_old_runs_are_forgotten_but_the_latest(world):
    world.scan()
    world.clock.advance(100 * 86400)
    world.scan()
    world.clock.advance(100 * 86400)
    last = world.scan()
    assert [run.id for run in runs(world)] == [last.id]
