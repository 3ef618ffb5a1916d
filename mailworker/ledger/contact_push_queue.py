"""The queue of contacts for Mailjet: who takes which ones, and what became of them.

A call's contacts are `flying`. A call whose worker died comes back when its `poll_at` has passed, and its
contacts are pushed again, which harms nobody: the same twice changes nothing at Mailjet.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update

from mailworker.ledger.bulk_insert import insert_rows
from mailworker.ledger.contact_tables import CALLING, PENDING, contact_calls, mailjet_contacts
from mailworker.ledger.mailjet_contact_rows import change_entries, drop_entries
from mailworker.ledger.run_query import Row, all_rows, any_row, count_rows, first_row
from mailworker.ledger.suppressions import suppress_all
from mailworker.rules.contact_diff import audience_of
from mailworker.rules.contact_sync_cost_and_pauses import LONGEST_RETRY_PAUSE, MAX_TRIES, retry_pause
from mailworker.rules.suppression_reasons import Listing

_WANTED = ("email", "fingerprint", "sent", "task", "lists", "properties", "excluded", "barred", "left_out")
_PUSHED = (
    "sent",
    "told_lists",
    "told_names",
    "told_excluded",
    "waits_for",
    "moved_from",
    "tries",
    "batch_limit",
)
#: What of a contact in a call is needed at its end. Who waits to be pushed is read whole.
_NEEDED = [mailjet_contacts.c[name] for name in (*_WANTED, *_PUSHED)]
_M = mailjet_contacts.c
_C = contact_calls.c


def is_excluded(row: Row) -> bool:
    """Whether campaigns leave a contact out, by the CRM's consent or by the suppression list."""
    return bool(row["excluded"] or row["barred"])


def anything_due(connection: Connection, now: datetime) -> bool:
    """Whether a contact waits to be pushed, or a call to be followed."""
    waiting = select(_M.email).where(PENDING, _M.due_at <= now)
    open_ = select(_C.id).where(CALLING, _C.poll_at <= now)
    return any_row(connection, waiting) or any_row(connection, open_)


def claim(connection: Connection, call_id: str, *, now: datetime, until: datetime, limit: int) -> list[Row]:
    """Take contacts that can travel in one call: same task, same lists; the longest waiting first.

    They are pushed within `until`, or else they are taken back.
    """
    due = select(_M.task, _M.audience, _M.batch_limit).where(PENDING, _M.due_at <= now)
    first = first_row(connection, due.order_by(_M.due_at))
    if first is None:
        return []
    alike = [PENDING, *(_M[name] == value for name, value in first.items())]
    query = select(_M.email).where(*alike, _M.due_at <= now).order_by(_M.due_at)
    at_once = 1 if first["task"] != "tell" else min(limit, first["batch_limit"])
    emails = list(connection.execute(query.limit(at_once).with_for_update(skip_locked=True)).scalars())
    # By address alone: with the state, too, SQLite would go through all that wait, a million each time.
    statement = update(mailjet_contacts).where(_M.email.in_(emails))
    change = {"state": "flying", "call_id": call_id, "sent": _M.fingerprint}
    rows = all_rows(connection, statement.values(change).returning(mailjet_contacts))
    if rows:
        _may_know(connection, rows)
        call = {"id": call_id, "state": "calling", "contacts": len(rows), "refused": 0, "polls": 0}
        insert_rows(connection, contact_calls, [{**call, "started_at": now, "poll_at": until}])
    return rows


def _may_know(connection: Connection, rows: Sequence[Row]) -> None:
    """From here on Mailjet may have all of this, whatever becomes of the call."""
    changed = []
    for row in rows:
        change = {
            "told_lists": sorted({*row["told_lists"], *row["lists"]}),
            "told_names": sorted({*row["told_names"], *row["properties"]}),
            "told_excluded": row["told_excluded"] or is_excluded(row),
        }
        if any(change[name] != row[name] for name in change):
            changed.append({"email": row["email"], **change})
    change_entries(connection, changed)


def started(connection: Connection, call_id: str, job_id: int, *, poll_at: datetime) -> None:
    """Keep the number of Mailjet's job."""
    _change_call(connection, call_id, state="running", job_id=job_id, poll_at=poll_at)


def running(connection: Connection) -> int:
    """How many of Mailjet's jobs are being followed."""
    return count_rows(connection, contact_calls, CALLING, _C.state == "running")


def next_poll(connection: Connection, *, now: datetime, until: datetime) -> Row | None:
    """Take the call that is due to be looked at; nobody else looks at it within `until`."""
    query = select(contact_calls).where(CALLING, _C.poll_at <= now).order_by(_C.poll_at)
    row = first_row(connection, query.with_for_update(skip_locked=True))
    if row is not None:
        _change_call(connection, row["id"], poll_at=until, polls=_C.polls + 1)
    return row


def poll_later(connection: Connection, call_id: str, poll_at: datetime) -> None:
    """Look at this call again then."""
    _change_call(connection, call_id, poll_at=poll_at)


def _change_call(connection: Connection, call_id: str, **values: Any) -> None:
    connection.execute(update(contact_calls).where(_C.id == call_id).values(values))


def finish(connection: Connection, call_id: str, refused: Mapping[str, str], *, now: datetime) -> int:
    """A call has ended: Mailjet took all of its contacts, but for these with their errors.

    A contact that has changed meanwhile waits again, a refused one too. Gives how many were taken.
    """
    rows = _flying(connection, call_id)
    taken = [row for row in rows if row["email"] not in refused]
    gone = [row for row in taken if _is_gone(row)]
    # Mailjet's own word of them goes on holding, though nothing else is kept.
    left_out = Listing("unsubscribed", now, "mailjet")
    suppress_all(connection, {row["email"]: left_out for row in gone if row["left_out"]}, now=now)
    drop_entries(connection, [row["email"] for row in gone])
    change_entries(connection, [_pushed(row, now) for row in taken if not _is_gone(row)])
    not_taken = [row for row in rows if row["email"] in refused]
    change_entries(connection, [_refused(row, refused[row["email"]], now) for row in not_taken])
    _release_waiting(connection, [row["email"] for row in taken if row["sent"] == row["fingerprint"]], now)
    _change_call(connection, call_id, state="done", refused=len(rows) - len(taken))
    return len(taken)


def give_back(
    connection: Connection, call_id: str, *, due_at: datetime, why: str, batch_limit: int | None = None
) -> int:
    """The call was not made, or has to be made otherwise: its contacts wait until `due_at`.

    With `batch_limit` no more of them travel together, so that the one who is to blame is found.
    """
    rows = _flying(connection, call_id)
    own: dict[str, Any] = {"due_at": due_at} | ({"batch_limit": batch_limit} if batch_limit else {})
    change_entries(connection, [_waiting_again(row, why) | own for row in rows])
    _change_call(connection, call_id, state="lost", note=why)
    return len(rows)


def failed(connection: Connection, call_id: str, *, why: str, now: datetime) -> None:
    """The call failed, or nobody saw its outcome: each contact waits longer after each try of its own.

    After MAX_TRIES it is given up until somebody changes it; only an erasure never is.
    """
    changes = [_failed(row, why, now) for row in _flying(connection, call_id)]
    change_entries(connection, changes)
    _change_call(connection, call_id, state="lost", note=why)


def refuse(connection: Connection, call_id: str, why: str, *, now: datetime) -> None:
    """None of the call's contacts can be pushed until somebody changes them, or the configuration."""
    finish(connection, call_id, {row["email"]: why for row in _flying(connection, call_id)}, now=now)


def erased(connection: Connection, call_id: str) -> list[str]:
    """Mailjet has erased the call's contacts: forget them; gives their addresses."""
    emails = [row["email"] for row in _flying(connection, call_id)]
    drop_entries(connection, emails)
    _change_call(connection, call_id, state="done")
    return emails


def flying_emails(connection: Connection, call_id: str) -> list[str]:
    """The addresses in a call."""
    query = select(_M.email).where(_M.call_id == call_id, _M.state == "flying")
    return list(connection.execute(query).scalars())


def _flying(connection: Connection, call_id: str) -> list[Row]:
    query = select(*_NEEDED).where(_M.call_id == call_id, _M.state == "flying")
    return all_rows(connection, query.with_for_update())


def _is_gone(row: Row) -> bool:
    """Whether it was taken off all lists and belongs to nobody: nothing is left to remember."""
    return row["task"] in {"tell", "bar"} and not row["lists"] and row["sent"] == row["fingerprint"]


def _pushed(row: Row, now: datetime) -> Row:
    settled = row["sent"] == row["fingerprint"]
    lists = sorted(row["lists"]) if settled else row["told_lists"]
    next_task = row["task"] if row["task"] == "erase" else "tell"
    state = "in_step" if settled and next_task == "tell" else "pending"
    if row["waits_for"]:
        state = "waiting"
    return {
        "email": row["email"],
        "state": state,
        "task": next_task,
        "told": row["sent"],
        "told_lists": lists,
        "told_names": sorted(row["properties"]) if settled else row["told_names"],
        "told_excluded": is_excluded(row) if settled else row["told_excluded"],
        "audience": audience_of(row["lists"], lists),
        "moved_from": row["moved_from"] if next_task == "erase" else None,
        "call_id": None,
        "batch_limit": 1000,
        "tries": 0,
        "error": None,
        "due_at": now,
    }


def _waiting_again(row: Row, why: str) -> dict[str, Any]:
    return {
        "email": row["email"],
        "state": "pending",
        "audience": audience_of(row["lists"], row["told_lists"]),
        "call_id": None,
        "error": why,
    }


def _failed(row: Row, why: str, now: datetime) -> Row:
    tries: dict[str, Any] = {"tries": row["tries"] + 1, "due_at": now + retry_pause(row["tries"])}
    if row["tries"] < MAX_TRIES or row["task"] == "erase":
        return _waiting_again(row, why) | tries
    return _waiting_again(row, f"given up after {MAX_TRIES} tries: {why}") | tries | {"state": "refused"}


def _refused(row: Row, why: str, now: datetime) -> Row:
    if row["task"] == "erase":
        return _waiting_again(row, why) | {"due_at": now + LONGEST_RETRY_PAUSE}
    changed = row["sent"] != row["fingerprint"]
    return _waiting_again(row, why) | {"state": "pending" if changed else "refused", "due_at": now}


def _release_waiting(connection: Connection, emails: Sequence[str], now: datetime) -> None:
    """What waited for these to be pushed may go now: the former addresses of moved contacts."""
    if emails:
        waiting = update(mailjet_contacts).where(_M.waits_for.in_(emails), _M.state == "waiting")
        connection.execute(waiting.values(state="pending", waits_for=None, due_at=now))


def push_all_again(connection: Connection, *, now: datetime) -> int:
    """Have every contact pushed again that was pushed before; how many.

    For a Mailjet that has forgotten all of them, as a local one has at each start.
    """
    rows = connection.execute(select(_M.email, _M.lists).where(_M.task == "tell", _M.state == "in_step"))
    nothing: Row = {"told": None, "told_lists": [], "told_names": [], "told_excluded": False}
    changes = [
        {"email": email, "state": "pending", "audience": audience_of(lists, []), "due_at": now, **nothing}
        for email, lists in rows
    ]
    change_entries(connection, changes)
    return len(changes)
