"""One page of a scan: what is said once, what is counted, and what a rehearsal and a baseline leave out."""

from datetime import timedelta
from itertools import pairwise
from types import SimpleNamespace

import pytest
from sqlalchemy import select

from mailworker.errors import TransientError
from mailworker.ledger.notification_log import Claim, claim
from mailworker.ledger.scan_runs import Start, due, latest
from mailworker.ledger.scan_tables import notifications
from mailworker.ledger.tables import messages
from mailworker.rules.rehearse_or_write import ScanMode
from mailworker.scans import ask_crm_or_put_off
from mailworker.scans.ask_crm_or_put_off import AT_ONCE, fetch, put_off
from mailworker.scans.runner import (
    KEPT_FAULTS,
    Findings,
    ScanBatch,
    ScanClaim,
    Scanner,
    rehearse,
    write_mails,
)
from tests.doubles import Clock, settings
from tests.rows import NOW, after, row


def saying(id_, *keys, implied=()):
    claims = tuple(Claim(key, f"invoice:{key}") for key in keys)
    return ScanClaim(row(id_), claims, "why", tuple(Claim(key, f"invoice:{key}") for key in implied))


def claimed(connection):
    return dict(map(tuple, connection.execute(select(notifications.c.key, notifications.c.message_id)).all()))


def written(connection):
    return sorted(connection.execute(select(messages.c.id)).scalars())


def test_a_mail_is_written_where_all_that_it_says_is_new(connection):
    claim(connection, [(Claim("b", "x"), "old")], run_id=None, now=NOW)
    notifications = [saying("m1", "a"), saying("m2", "b"), saying("m3", "c", "b"), saying("m4", "d", "e")]
    assert write_mails(connection, notifications, run_id=1, now=NOW) == 2
    assert written(connection) == ["m1", "m4"]
    assert claimed(connection) == {"a": "m1", "b": "old", "d": "m4", "e": "m4"}, (
        "what is not written is not said"
    )


def test_what_need_not_be_said_any_more_counts_as_said_with_it(connection):
    claim(connection, [(Claim("b", "x"), "old"), (Claim("c", "x"), "old")], run_id=None, now=NOW)
    notifications = [saying("m1", "a", implied=("b", "z")), saying("m2", "c", implied=("y",))]
    assert write_mails(connection, notifications, run_id=1, now=NOW) == 1
    assert claimed(connection) == {"a": "m1", "z": "m1", "b": "old", "c": "old"}
    assert write_mails(connection, [], run_id=1, now=NOW) == 0


class Subject:
    """Three pages of two records; `faults` are read with each page, `ends` is called before each page but the first."""

    scan = "reminders"

    def __init__(self, faults=(), ends=lambda: None, count=6):
        self.faults, self.ends, self.counted, self.asked = faults, ends, count, []

    def count(self):
        return self.counted

    def batches(self, after_):
        start = after_[0] if after_ else 0
        for number in range(start, 3):
            if number > start:
                self.ends()
            yield ScanBatch([number, number], [number + 1] if number < 2 else None, self.faults)

    def inspect(self, records, *, as_of, now):
        self.asked.append((as_of, now))
        number = records[0]
        return Findings([saying(f"m{number}", f"k{number}", f"l{number}")], {"paid": 1}, [f"fault {number}"])


@pytest.fixture
def world(ledger):
    clock = Clock()

    def work(subject, start=None, seconds=60, pages=None):
        scanner = Scanner(ledger, subject, clock=clock, lease=timedelta(seconds=60))
        return scanner.work(
            start or Start("reminders"), seconds=seconds, on_page=(pages if pages is not None else []).append
        )

    work.clock, work.ledger = clock, ledger
    return work


def look(ledger, question):
    with ledger.read() as connection:
        return question(connection)


def test_a_scan_counts_what_it_sees_finds_and_writes(world):
    pages = []
    run = world(Subject(["cannot be read"]), pages=pages)
    assert (run.seen, run.found, run.written, run.expected) == (9, 6, 3, 6)
    assert run.skipped == {"paid": 3, "unreadable": 3}
    assert run.faults == [one for n in range(3) for one in ("cannot be read", f"fault {n}")]
    assert (run.finished_at, run.cursor, run.trouble) == (NOW, [2], None)
    assert [(one.seen, one.written, one.cursor) for one in pages] == [(3, 1, [1]), (6, 2, [2]), (9, 3, [2])]
    (kept,) = look(world.ledger, lambda c: latest(c, "reminders"))
    assert (kept.seen, kept.found, kept.written, kept.skipped, kept.lease) == (9, 6, 3, run.skipped, None)
    assert look(world.ledger, written) == ["m0", "m1", "m2"]


def test_of_very_many_faults_the_first_are_kept(world):
    run = world(Subject([f"f{n}" for n in range(KEPT_FAULTS - 1)]))
    assert run.faults == [*(f"f{n}" for n in range(KEPT_FAULTS - 1)), "fault 0"]


@pytest.mark.parametrize(
    ("mode", "mails", "claims"),
    [(ScanMode.REAL, 3, 6), (ScanMode.BASELINE, 0, 6), (ScanMode.REHEARSAL, 0, 0)],
)
def test_only_a_real_scan_writes_mails(world, mode, mails, claims):
    run = world(Subject(), Start("reminders", mode=mode))
    assert (run.found, run.written) == (6, mails)
    assert len(look(world.ledger, written)) == mails
    assert len(look(world.ledger, claimed)) == claims


@pytest.mark.parametrize("as_of", [None, after(-99)])
def test_a_scan_decides_for_its_moment(world, as_of):
    subject = Subject()
    world(subject, Start("reminders", as_of=as_of))
    assert subject.asked == [(as_of or NOW, NOW)] * 3


def test_a_slice_that_is_over_leaves_the_rest_to_the_next(world):
    run = world(Subject(), seconds=-1)
    assert (run.finished_at, run.cursor, run.seen) == (None, [1], 2)
    (kept,) = look(world.ledger, lambda c: latest(c, "reminders"))
    assert (kept.lease, kept.lease_until, kept.trouble, kept.expected) == (None, None, None, 6)
    again = world(Subject(count=99))
    assert (again.id, again.seen, again.expected, again.finished_at) == (run.id, 6, 6, NOW)


def test_a_passing_fault_leaves_the_place_and_its_reason(world):
    def away():
        raise TransientError("the CRM does not answer")

    with pytest.raises(TransientError):
        world(Subject(ends=away))
    (kept,) = look(world.ledger, lambda c: latest(c, "reminders"))
    assert (kept.trouble, kept.lease, kept.cursor, kept.written) == ("the CRM does not answer", None, [1], 1)
    assert look(world.ledger, lambda c: due(c, Start("reminders"), NOW))
    assert world(Subject()).finished_at
    assert look(world.ledger, lambda c: latest(c, "reminders"))[0].trouble is None


def test_who_lost_the_lease_ends_with_nothing(world):
    subject = Subject()

    def overtaken():
        world.clock.advance(61)
        assert world(Subject()).finished_at

    subject.ends = overtaken
    assert world(subject) is None
    assert look(world.ledger, written) == ["m0", "m1", "m2"]


def test_nobody_works_on_what_somebody_has(world):
    class Looking(Subject):
        def count(self):
            assert not look(world.ledger, lambda c: due(c, Start("reminders"), NOW))
            assert world(Subject()) is None
            world.clock.advance(60)
            assert look(world.ledger, lambda c: due(c, Start("reminders"), world.clock()))
            world.clock.advance(-60)
            return 6

    assert world(Looking()).finished_at
    assert look(world.ledger, lambda c: due(c, Start("reminders", slot=NOW), NOW))


def test_a_rehearsal_by_hand_reads_it_all_and_writes_nothing():
    pages = list(rehearse(Subject(), as_of=after(5), now=NOW))
    assert [batch.records[0] for batch, _ in pages] == [0, 1, 2]
    assert [found.notifications[0].row["id"] for _, found in pages] == ["m0", "m1", "m2"]


# --- asking the CRM once more -----------------------------------------------------------------------------


@pytest.mark.parametrize("number", [0, 1, AT_ONCE, AT_ONCE + 1, 3 * AT_ONCE])
def test_the_crm_is_asked_for_a_few_at_a_time(number):
    parts = []

    def question(ids):
        parts.append(list(ids))
        return {id_: id_.upper() for id_ in ids}

    ids = [f"i{n}" for n in range(number)]
    assert fetch(ids, question) == {id_: id_.upper() for id_ in ids}
    assert [one for part in parts for one in part] == ids
    assert all(len(part) == AT_ONCE for part, _ in pairwise(parts))
    assert all(0 < len(part) <= AT_ONCE for part in parts)


def test_a_crm_that_is_slow_is_asked_no_more(monkeypatch):
    moments = iter([0.0, 15.0, 15.1])
    monkeypatch.setattr(ask_crm_or_put_off, "time", SimpleNamespace(monotonic=lambda: next(moments)))
    parts = []
    with pytest.raises(TransientError, match="too slowly"):
        fetch([str(n) for n in range(2 * AT_ONCE)], lambda ids: parts.append(ids) or {})
    assert len(parts) == 1


def test_what_could_not_be_asked_waits_longer_each_time():
    worker = settings().worker
    rows = [row("a", attempts=1), row("b", attempts=4)]
    found = put_off(rows, TransientError("away"), worker, NOW)
    assert {id_: one.why for id_, one in found.items()} == dict.fromkeys("ab", "not asked again: away")
    assert NOW < found["a"].until <= NOW + worker.retry_cap
    assert NOW < found["b"].until <= NOW + worker.retry_cap
