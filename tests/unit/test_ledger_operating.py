"""What operators do by hand: find, replay without doubling, cancel."""

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, update

from mailworker.config.builtin_kinds import INVOICE, KINDS
from mailworker.core.lane import Lane
from mailworker.core.message import Address, Job
from mailworker.core.settlement import Settlement
from mailworker.core.states import State
from mailworker.intake.job_row import row_of
from mailworker.invoices.file_store import FolderStore
from mailworker.ledger import Ledger
from mailworker.ledger.insert_messages import accept
from mailworker.ledger.message_search import MessageFilter, list_messages, search, story
from mailworker.ledger.replay_cancel import cancel, candidates, replay
from mailworker.ledger.settle_messages import settle
from mailworker.ledger.tables import messages, timeline
from mailworker.rules.may_replay import replay_hindrance as hindrance

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
RESET = "api_crmCommunicationUserPasswordReset"
JOB = Job(
    id="5b93c612-9bb1-59e2-8483-53d833a08e90",
    key="reset:1",
    kind=RESET,
    lane=Lane.URGENT,
    to=Address("ana@example.com", "Ana"),
    variables={"user_name": "Ana", "reset_url": "https://crm.example/r/1", "expiry_time": "1 heure"},
    customer_id="C-7",
)


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    made = Ledger.open(f"sqlite:///{tmp_path_factory.mktemp('ledger') / 'ledger.db'}")
    yield made
    made.close()


@pytest.fixture
def ledger(migrated: Ledger) -> Ledger:
    """An empty ledger: migrating one for each test would take most of the time."""
    with migrated.write() as connection:
        for table in (messages, timeline):
            connection.execute(delete(table))
    return migrated


def put(ledger: Ledger, job: Job = JOB, state: State = State.READY, why: str = "") -> str:
    """A message in this state, come there by moves that the table of states allows."""
    with ledger.write() as connection:
        accept(connection, [row_of(job, [], NOW)], NOW)
        start = State.ACCEPTED if job.needs_preparing else State.READY
        via = {State.UNKNOWN: [State.SENDING], State.SENT: [State.SENDING]}.get(state, [])
        for old, new in zip([start, *via], [*via, state], strict=True):
            if old is not new:
                settle(connection, [Settlement(job.id, new, why)], now=NOW, expected=old)
    return job.id


def row(ledger: Ledger, id_: str = JOB.id) -> Any:
    with ledger.read() as connection:
        return story(connection, id_).message


def test_a_failed_message_is_replayed_with_all_its_attempts(ledger: Ledger):
    put(ledger, state=State.FAILED, why="template 5977511 does not exist")
    with ledger.write() as connection:
        connection.execute(update(messages).values(attempts=5, lookups=2))
        assert replay(connection, [row(ledger)], now=NOW, why="replayed by hand") == 1
    found = row(ledger)
    assert (found["state"], found["attempts"], found["lookups"]) == ("ready", 0, 0)
    with ledger.read() as connection:
        assert [step["why"] for step in story(connection, JOB.id).timeline][-1] == "replayed by hand"


def test_two_replays_that_saw_the_same_message_move_it_once(ledger: Ledger):
    put(ledger, state=State.FAILED)
    seen = row(ledger)
    with ledger.write() as connection:
        assert replay(connection, [seen], now=NOW, why="first") == 1
        assert replay(connection, [seen], now=NOW, why="second") == 0


def test_what_was_sent_meanwhile_stays_sent(ledger: Ledger):
    put(ledger, state=State.UNKNOWN)
    seen = row(ledger)
    with ledger.write() as connection:
        settle(
            connection, [Settlement(JOB.id, State.SENT, "Mailjet had it")], now=NOW, expected=State.UNKNOWN
        )
        assert replay(connection, [seen], now=NOW, why="too late") == 0
    assert row(ledger)["state"] == "sent"


def test_what_somebody_else_moved_meanwhile_stays_what_it_is(ledger: Ledger):
    put(ledger, state=State.UNKNOWN)
    seen = {**row(ledger), "state": str(State.FAILED)}  # as it was when the operator looked
    with ledger.write() as connection:
        assert replay(connection, [seen], now=NOW, why="too late") == 0
    assert row(ledger)["state"] == "unknown"


def test_an_invoice_is_prepared_again_but_one_of_unknown_outcome_leaves_as_it_left(ledger: Ledger):
    failed = replace(JOB, id="f" * 36, key="i1", kind=INVOICE, invoice_id="FA-1")
    put(ledger, failed, State.FAILED)
    with ledger.write() as connection:
        replay(connection, [row(ledger, failed.id)], now=NOW, why="again")
        assert replay(connection, [row(ledger, failed.id) | {"state": "unknown"}], now=NOW, why="again") == 0
    assert row(ledger, failed.id)["state"] == "accepted"


@pytest.mark.parametrize("state", [State.READY, State.FAILED])
def test_cancelling_ends_what_has_not_left_and_wipes_its_secrets(ledger: Ledger, state: State):
    put(ledger, state=state)
    with ledger.write() as connection:
        assert (
            cancel(connection, [row(ledger)], now=NOW, why="by hand", wipe=lambda _: {"user_name": "Ana"})
            == 1
        )
    assert row(ledger)["state"] == "cancelled"
    assert row(ledger)["variables"] == {"user_name": "Ana"}


@pytest.mark.parametrize("state", [State.SENT, State.UNKNOWN])
def test_cancelling_leaves_alone_what_may_have_left(ledger: Ledger, state: State):
    put(ledger, state=state)
    with ledger.write() as connection:
        assert cancel(connection, [row(ledger)], now=NOW, why="by hand", wipe=lambda _: None) == 0
    assert row(ledger)["state"] == state


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (MessageFilter(), True),
        (MessageFilter(ids=(JOB.id,)), True),
        (MessageFilter(ids=("other",)), False),
        (MessageFilter(states=(State.FAILED,)), True),
        (MessageFilter(states=(State.READY,)), False),
        (MessageFilter(kind=RESET), True),
        (MessageFilter(kind=INVOICE), False),
        (MessageFilter(lane=Lane.URGENT), True),
        (MessageFilter(lane=Lane.BULK), False),
        (MessageFilter(reason="5977511"), True),
        (MessageFilter(reason="%"), False),
        (MessageFilter(before=NOW), True),
        (MessageFilter(before=NOW - timedelta(seconds=1)), False),
        (MessageFilter(since=NOW), True),
        (MessageFilter(since=NOW + timedelta(seconds=1)), False),
    ],
)
def test_choosing_messages(ledger: Ledger, wanted: MessageFilter, found: bool):
    put(ledger, state=State.FAILED, why="template 5977511 does not exist")
    with ledger.read() as connection:
        assert bool(list_messages(connection, wanted, limit=5)) is found
        assert bool(candidates(connection, wanted, limit=5)) is found


@pytest.mark.parametrize("text", [JOB.id, JOB.id[:8], "reset:1", "ana@example.com", "C-7"])
def test_searching_by_what_people_say(ledger: Ledger, text: str):
    put(ledger)
    with ledger.read() as connection:
        (hit,) = search(connection, text, limit=5)
        assert hit["id"] == JOB.id
        assert "variables" not in hit
        assert search(connection, "nothing", limit=5) == []


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({}, ""),
        ({"expires_at": NOW}, "too late"),
        ({"expires_at": NOW + timedelta(minutes=1)}, ""),
        ({"variables": {"user_name": "Ana", "expiry_time": "1 heure"}}, "reset_url was wiped"),
        ({"variables": None}, "reset_url was wiped"),
    ],
)
def test_why_a_message_cannot_be_sent_again(changes: dict[str, Any], word: str):
    row = {"kind": RESET, "expires_at": None, "variables": JOB.variables, "invoice": None, "invoice_id": None}
    why = hindrance(row | changes, KINDS[RESET], NOW)
    assert word in why
    assert bool(why) is bool(word)


def test_a_kind_that_left_the_configuration_hinders():
    row = {"kind": RESET, "expires_at": None, "variables": {}, "invoice": None, "invoice_id": None}
    assert "not in the configuration" in hindrance(row, None, NOW)


@pytest.mark.parametrize("umask", [0, 0o022, 0o077])
def test_what_the_house_writes_is_for_its_user_alone(tmp_path, umask):
    before = os.umask(umask)
    try:
        ledger = Ledger.open(f"sqlite:///{tmp_path}/new/ledger.db")
        with ledger.write() as connection:
            connection.exec_driver_sql("DELETE FROM holds")
        FolderStore(tmp_path / "files").put("a.pdf", b"%PDF")
        modes = {path.relative_to(tmp_path): path.stat().st_mode & 0o777 for path in tmp_path.rglob("*")}
        ledger.close()
    finally:
        os.umask(before)
    assert {str(path) for path in modes} >= {
        "new",
        "new/ledger.db",
        "new/ledger.db.lock",
        "files",
        "files/a.pdf",
    }
    assert not any(mode & 0o077 for mode in modes.values()), modes


@pytest.mark.parametrize("text", ["Ana@xn--exmple-cua.fr", "ANA@EXÄMPLE.FR", "ana@exa\u0308mple.fr"])
def test_a_search_finds_a_person_in_every_spelling(ledger: Ledger, text: str):
    with ledger.write() as connection:
        accept(connection, [row_of(replace(JOB, to=Address("ana@exämple.fr", "Ana")), (), NOW)], NOW)
    with ledger.read() as connection:
        assert [one["id"] for one in search(connection, text, limit=9)] == [JOB.id]
        assert search(connection, "anna@exämple.fr", limit=9) == []
