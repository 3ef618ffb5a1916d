"""The tasks of scans: which are started, how the next slice is, and what a scan for a certain day waits for."""

from datetime import timedelta

import pytest

from mailworker.core import scan_names
from mailworker.core.lane import Lane
from mailworker.errors import TransientError
from mailworker.ledger.scan_runs import Start
from mailworker.queue.celery_queues import DISPATCH
from mailworker.rules.rehearse_or_write import ScanMode
from mailworker.tasks import scans
from tests.doubles import box
from tests.rows import NOW
from tests.unit.task_scene import TaskScene

OVERDUE, BALANCE_SCAN = scan_names.OVERDUE_INVOICES, scan_names.BALANCES
REMINDERS = box(name=OVERDUE, task="mailworker.scan_overdue_invoices")
BALANCES = box(name=BALANCE_SCAN, task="mailworker.scan_balances")
ASKED = {"queue": "scans", "retry": False, "ignore_result": True}
MONDAY = NOW - timedelta(days=2)


def slice_of(scan, countdown=None, **arguments):
    return (scan.task, ASKED | {"kwargs": arguments, "countdown": countdown})


@pytest.fixture
def scene(monkeypatch, ledger):
    """Scans by name: `off` says why one is not done, `due` which are, `runs` what a slice of each finds."""
    made = TaskScene(monkeypatch, ledger=ledger).listen(monkeypatch, scans)
    made.off, made.due, made.runs, made.worked, made.weighed = {}, {OVERDUE, BALANCE_SCAN}, {}, [], []
    made.rehearses = ""

    def work(start, *, seconds):
        made.worked.append((start, seconds))
        return made.runs.get(start.scan if isinstance(start, Start) else start)

    def is_due(_connection, start, now):
        assert now == NOW
        return (start.scan if isinstance(start, Start) else start) in made.due

    monkeypatch.setattr(scans, "scans_of", lambda _container: [REMINDERS, BALANCES])
    monkeypatch.setattr(
        scans, "scan_named", lambda _c, name: {OVERDUE: REMINDERS, BALANCE_SCAN: BALANCES}[name]
    )
    monkeypatch.setattr(scans, "off", lambda _c, scan: made.off.get(scan.name))
    monkeypatch.setattr(scans, "start_when_due", lambda _c, scan, _now: scan.name)
    monkeypatch.setattr(scans, "due", is_due)
    monkeypatch.setattr(scans, "read_as_of", lambda _c, text: MONDAY if text else None)
    monkeypatch.setattr(scans, "scanner", lambda _c, _scan, _clock: box(work=work))
    monkeypatch.setattr(scans, "weigh", lambda _c, scan, run: made.weighed.append((scan.name, run)))
    monkeypatch.setattr(scans, "rehearses", lambda _c, _scan: made.rehearses)
    return made


def run(**own):
    some = {"id": "r", "seen": 3, "expected": 9, "found": 2, "written": 0, "skipped": {"paid": 1}}
    return box(**(some | {"mode": ScanMode.REAL, "finished_at": None, "as_of": NOW} | own))


@pytest.mark.parametrize(
    ("off", "due", "started"),
    [
        ({}, {OVERDUE, BALANCE_SCAN}, [REMINDERS, BALANCES]),
        ({}, {BALANCE_SCAN}, [BALANCES]),
        ({BALANCE_SCAN: "no engine"}, {OVERDUE, BALANCE_SCAN}, [REMINDERS]),
        ({}, set(), []),
    ],
)
def test_each_scan_that_is_due_and_not_off_is_started(scene, off, due, started):
    scene.off, scene.due = off, due
    scans.scan_when_due()
    assert scene.started == [slice_of(one, when_due=True) for one in started]


def test_without_a_ledger_no_scan_is_started_this_minute(scene):
    def away():
        raise TransientError("the ledger does not answer")

    scene.container.ledger = box(read=away)
    scans.scan_when_due()
    scans.scan_balances(when_due=True)
    assert scene.started == []
    assert scene.log.at("warning") == [
        "no scan started, the next minute looks again",
        "scan stopped, the next minute resumes it",
    ]


@pytest.mark.parametrize(
    ("task", "name"), [(scans.scan_overdue_invoices, OVERDUE), (scans.scan_balances, BALANCE_SCAN)]
)
def test_a_slice_is_worked_on_and_the_next_one_started(scene, task, name):
    scene.runs[name] = going = run()
    task(when_due=True)
    assert scene.worked == [(name, scans.SLICE_SECONDS)]
    assert scene.weighed == [(name, going)]
    assert scene.started == [slice_of({OVERDUE: REMINDERS, BALANCE_SCAN: BALANCES}[name], when_due=True)]
    assert scene.woken == []
    ((level, event, facts),) = scene.log.lines
    assert (level, event, facts["scan"], facts["seen"], facts["expected"], facts["found"]) == (
        "info", "scanning", name, 3, 9, 2,
    )  # fmt: skip
    assert (facts["run"], facts["written"], facts["skipped"], facts["mode"]) == ("r", 0, {"paid": 1}, "real")


def test_a_scan_at_its_end_starts_nothing_and_what_it_wrote_is_sent(scene):
    scene.runs[OVERDUE] = run(finished_at=NOW, written=2)
    scans.scan_overdue_invoices()
    assert (scene.started, scene.woken) == ([], [DISPATCH[Lane.NORMAL]])
    assert scene.worked == [(Start(OVERDUE, as_of=None), scans.SLICE_SECONDS)], (
        "now, whatever the timetable says"
    )
    assert [event for _, event, _ in scene.log.lines] == ["scan finished"]


@pytest.mark.parametrize(
    ("mode", "why", "finished_at", "warned"),
    [
        (ScanMode.REHEARSAL, "nobody started it", NOW, 1),
        (ScanMode.REHEARSAL, "", NOW, 0),
        (ScanMode.REHEARSAL, "nobody started it", None, 0),
        (ScanMode.REAL, "nobody started it", NOW, 0),
    ],
)
def test_a_rehearsal_says_that_nobody_was_written_to(scene, mode, why, finished_at, warned):
    scene.rehearses = why
    scene.runs[OVERDUE] = run(mode=mode, finished_at=finished_at)
    scans.scan_overdue_invoices()
    assert [facts["due"] for level, _, facts in scene.log.lines if level == "warning"] == [2] * warned


@pytest.mark.parametrize(("when_due", "logged"), [(False, ["nothing scanned"]), (True, [])])
def test_what_is_off_is_not_scanned_and_a_person_is_told(scene, when_due, logged):
    scene.off = {BALANCE_SCAN: "no engine"}
    scans.scan_balances(when_due=when_due)
    assert (scene.worked, scene.started) == ([], [])
    assert [event for _, event, _ in scene.log.lines] == logged


def test_what_is_not_due_is_left(scene):
    scene.due = set()
    scans.scan_balances(when_due=True)
    assert (scene.worked, scene.started, scene.log.lines) == ([], [], [])


@pytest.mark.parametrize(
    ("due", "found", "again"),
    [
        (set(), None, True),
        ({BALANCE_SCAN}, None, True),
        ({BALANCE_SCAN}, run(finished_at=NOW, as_of=NOW), True),
        ({BALANCE_SCAN}, run(finished_at=NOW, as_of=MONDAY), False),
    ],
)
def test_a_scan_for_a_certain_day_waits_until_another_is_done(scene, due, found, again):
    scene.due, scene.runs = due, {BALANCE_SCAN: found}
    scans.scan_balances(as_of="monday")
    assert scene.started == [slice_of(BALANCES, countdown=30, as_of="monday")] * again
    assert [start for start, _ in scene.worked] == [Start(BALANCE_SCAN, as_of=MONDAY)] * len(due)
