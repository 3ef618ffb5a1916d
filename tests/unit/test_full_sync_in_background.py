"""A full sync in slices: what it counts, where it goes on, and who may end it."""

from datetime import timedelta

import pytest

from mailworker.contacts.full_sync import FullSyncResult
from mailworker.contacts.full_sync_in_background import BackgroundSync, SyncSlice
from mailworker.contacts.pull_opt_outs import PullResult
from mailworker.contacts.upsert import UpsertResult
from mailworker.errors import BadInput, TransientError, Unreachable
from mailworker.ledger import contact_sync_runs
from mailworker.limits import NoCallFree
from tests.doubles import Clock
from tests.rows import NOW, after

LEASE = timedelta(minutes=5)
PAGE = FullSyncResult(UpsertResult(new=2, changed=1), contacts=5)


class Contacts:
    """Reads three pages, removes twice, and looks in two pages; `before` is called before each step."""

    def __init__(self, *, faults=0, untraced=0, before=lambda _what: None):
        self.reader = self.puller = self
        self.faults, self.untraced = faults, untraced
        self.before, self.asked, self.silent = before, [], [4, 1]

    def steps(self, place, clock=None):
        if isinstance(place, PullResult):
            yield from self._look(place)
            return
        self.asked.append(("read after", place))
        for number in range(place or 0, 3):
            self.before(f"page {number}")
            yield PAGE + FullSyncResult(faults=self.faults, untraced=self.untraced), number + 1

    def forget_silent(self, *, known_before, clock, force):
        self.asked.append(("forget", known_before, force))
        while self.silent:
            self.before(f"remove {self.silent[0]}")
            yield self.silent.pop(0)

    def begin(self):
        return PullResult(NOW)

    def _look(self, look):
        self.asked.append(("look from", look.offset))
        for _ in range(look.offset, 2):
            self.before("look")
            look.offset += 1
            look.unsubscribed, look.put_back, look.members, look.ours = 3, 2, 9, 8
            yield 1


@pytest.fixture
def sync(ledger):
    """Runs a slice with these contacts; `clock` moves by `tick` seconds whenever somebody asked it."""
    clock = Clock()
    with ledger.write() as connection:
        contact_sync_runs.open_sync(connection, "s1", NOW)

    def run(contacts, seconds=600):
        return BackgroundSync(ledger, contacts, clock, lease=LEASE).run(seconds=seconds)

    def row():
        with ledger.read() as connection:
            return contact_sync_runs.latest_sync(connection)

    run.clock, run.row, run.ledger = clock, row, ledger
    return run


FIGURES = {"contacts": 15, "new": 6, "changed": 3, "unreadable": 0, "removed": 5}
FIGURES |= {"unsubscribed": 3, "put_back": 2, "strangers": 1}


def test_a_sync_in_one_go_counts_all(sync):
    contacts = Contacts()
    assert sync(contacts) == SyncSlice(FIGURES, finished=True)
    assert contacts.asked == [("read after", None), ("forget", NOW, False), ("look from", 0)]
    row = sync.row()
    assert (row["state"], row["report"], row["finished_at"], row["error"]) == ("done", FIGURES, NOW, None)
    assert sync(contacts) is None


def test_slices_of_no_time_go_on_page_by_page_and_come_to_the_same(sync):
    slices, contacts = [], Contacts()
    for _ in range(20):
        slices.append(sync(contacts, seconds=0))
        if slices[-1].finished:
            break
        assert sync.row()["lease_until"] == sync.clock.now
        sync.clock.advance(1)
    assert slices[-1] == SyncSlice(FIGURES, finished=True)
    asked = contacts.asked
    assert [one for one in asked if one[0] == "read after"] == [("read after", n) for n in (None, 1, 2, 3)]
    assert ("forget", NOW, True) in asked, "as was decided before the first of them"
    assert [one for one in asked if one[0] == "look from"][-1] == ("look from", 2)


def test_nobody_is_removed_where_something_could_not_be_read(sync):
    contacts = Contacts(faults=1, untraced=1)
    found = sync(contacts)
    assert (found.report["unreadable"], "removed" in found.report) == (3, False)
    assert "forget" not in [one[0] for one in contacts.asked]


def test_who_is_gone_is_removed_where_all_that_could_not_be_read_is_known_by_its_id(sync):
    found = sync(Contacts(faults=1))
    assert (found.report["unreadable"], found.report["removed"]) == (3, 5)
    assert "untraced" not in found.report


def test_nobody_is_removed_where_a_worker_of_yesterday_read_a_page_with_faults(sync):
    def lost(what):
        if what == "page 1":
            raise Unreachable("away")

    with pytest.raises(Unreachable):
        sync(Contacts(faults=1, before=lost))
    row = sync.row()
    of_old = row["report"] | {"unreadable": 2, "place": {"stage": "reading", "after": 2}}
    with sync.ledger.write() as connection:
        assert contact_sync_runs.keep_sync(
            connection, row["id"], row["lease"], until=after(-1), report=of_old
        )
    contacts = Contacts()
    assert sync(contacts).report["unreadable"] == 2
    assert [one[0] for one in contacts.asked] == ["read after", "look from"]


def test_where_mail_has_all_calls_the_sync_asks_again_in_a_second(sync):
    def busy(what):
        if what == "look":
            raise NoCallFree(retry_after=1.0)

    found = sync(Contacts(before=busy))
    assert (found.finished, found.report["place"]["stage"]) == (False, "looking")
    assert sync.row()["lease_until"] == after(1)


def test_what_cannot_be_done_ends_it_with_its_reason(sync):
    def too_many(what):
        if what == "remove 4":
            raise BadInput("nothing was removed: too many are gone.")

    found = sync(Contacts(before=too_many))
    assert (found.finished, found.report["stopped"]) == (True, "nothing was removed: too many are gone.")
    assert "place" not in found.report
    row = sync.row()
    assert (row["state"], row["error"]) == ("failed", "nothing was removed: too many are gone.")


def test_a_crm_that_is_away_leaves_it_where_it_was(sync):
    def away(what):
        if what == "page 1":
            raise Unreachable("away")

    with pytest.raises(Unreachable):
        sync(Contacts(before=away))
    row = sync.row()
    assert (row["state"], row["report"]["place"]["after"], row["lease_until"]) == ("running", 1, NOW + LEASE)
    assert sync(Contacts()) is None, "its lease still runs"


def test_who_was_slow_stops_where_somebody_else_goes_on(sync):
    def overtaken(what):
        if what == "page 1":
            sync.clock.now += LEASE + timedelta(seconds=1)
            assert sync(Contacts()).finished

    contacts = Contacts(before=overtaken)
    with pytest.raises(TransientError):
        sync(contacts)
    assert "forget" not in [one[0] for one in contacts.asked]
    assert sync.row()["report"]["contacts"] == FIGURES["contacts"]
