"""Notifications about invoices and balances: each claimed once, remembered for good."""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, delete, func, select, update

from mailworker.core.states import FINAL, State
from mailworker.ledger.bulk_insert import insert_and_list_new
from mailworker.ledger.scan_tables import notifications
from mailworker.ledger.tables import messages
from mailworker.ledger.timeline_notes import note
from mailworker.rules.balance_key import AlertKey

#: The run of what was found in real time: no scan has this number.
REAL_TIME = 0
_N = notifications.c


@dataclass(frozen=True, slots=True)
class Claim:
    """One thing that a message notifies of. `days` is the step of an invoice's ladder, None for a balance."""

    key: str
    about: str
    days: int | None = None


@dataclass(frozen=True, slots=True)
class SentNotification:
    """One notification, and the message that carries it.

    `at` is when that left, or came to nothing; None while it waits or may still leave. `written_at` is when
    it was decided. `state` is None where the ledger has forgotten the message. `by_scan` is false for what
    OmniCRM or staff enqueued. `withdrawn` is whether it was found to be true no more before it left.
    """

    claim: Claim
    message_id: str
    written_at: datetime
    at: datetime | None
    state: State | None
    by_scan: bool = True
    withdrawn: bool = False


def about_invoice(invoice_id: str) -> str:
    """The `about` of an invoice."""
    return f"invoice:{invoice_id}"


def about_balance(balance_id: str) -> str:
    """The `about` of a balance."""
    return f"balance:{balance_id}"


def claim(
    connection: Connection, claims: Sequence[tuple[Claim, str]], *, run_id: int | None, now: datetime
) -> set[str]:
    """Claim these for their messages, and give the keys that nobody had before."""
    rows = [
        {**asdict(one), "message_id": id_, "run_id": run_id, "at": now}
        # Always in the same order, so that no two writers wait for each other for ever.
        for one, id_ in sorted(claims, key=lambda claim: claim[0].key)
    ]
    return insert_and_list_new(connection, notifications, rows, _N.key)


def unclaim(connection: Connection, keys: Collection[str]) -> None:
    """Forget claims whose mail was not written after all."""
    if keys:
        connection.execute(delete(notifications).where(_N.key.in_(keys)))


def claim_alerts(connection: Connection, alerts: Mapping[str, AlertKey], *, now: datetime) -> None:
    """Claim the alerts that OmniCRM itself enqueued, by message id, so that no scan sends them again.

    Of several messages of one alert, to several people, the first one's claim stands for all.
    """
    claims = [(Claim(alert.key, about_balance(alert.balance_id)), id_) for id_, alert in alerts.items()]
    claim(connection, claims, run_id=None, now=now)


def move(connection: Connection, keys: Collection[str], *, old: str, new: str, now: datetime) -> None:
    """Give claims of one message to another that carries them in its place; both timelines note it."""
    moved = update(notifications).where(_N.key.in_(keys), _N.message_id == old)
    connection.execute(moved.values(message_id=new))
    notes = {old: f"what is still true is said by {new}", new: f"says what is still true of {old}"}
    note(connection, notes, now=now)


def withdraw(connection: Connection, message_id: str, *, now: datetime) -> None:
    """Mark all that a message was still to notify of: it ended before it left, for it was true no more."""
    connection.execute(update(notifications).where(_N.message_id == message_id).values(withdrawn_at=now))


def move_all(connection: Connection, *, old: str, new: str) -> None:
    """Give all notifications of one message to another that repeats it."""
    connection.execute(update(notifications).where(_N.message_id == old).values(message_id=new))


def notifications_about(connection: Connection, abouts: Collection[str]) -> dict[str, list[SentNotification]]:
    """The notifications about each of these."""
    return _by(connection, _N.about.in_(abouts), lambda one: one.claim.about)


def notifications_of(
    connection: Connection, message_ids: Collection[str]
) -> dict[str, list[SentNotification]]:
    """The notifications that each of these messages carries."""
    return _by(connection, _N.message_id.in_(message_ids), lambda one: one.message_id)


def _by(
    connection: Connection, condition: ColumnElement[bool], key: Callable[[SentNotification], str]
) -> dict[str, list[SentNotification]]:
    columns = (notifications, messages.c.state, messages.c.changed_at)
    both = notifications.outerjoin(messages, messages.c.id == _N.message_id)
    found: defaultdict[str, list[SentNotification]] = defaultdict(list)
    for row in connection.execute(select(*columns).select_from(both).where(condition)):
        state = State(row.state) if row.state else None
        notification = SentNotification(
            Claim(row.key, row.about, row.days),
            row.message_id,
            row.at,
            _left_at(state, row.changed_at, row.at),
            state,
            row.run_id is not None,
            withdrawn=row.withdrawn_at is not None,
        )
        found[key(notification)].append(notification)
    return dict(found)


def by_hand(
    connection: Connection, invoice_ids: Collection[str], kinds: Collection[str]
) -> dict[str, list[SentNotification]]:
    """Reminders about these invoices that belong to no step of the ladder, by invoice id."""
    facts = (messages.c.id, messages.c.invoice_id, messages.c.state, messages.c.changed_at)
    query = (
        select(*facts, messages.c.accepted_at)
        .outerjoin(notifications, _N.message_id == messages.c.id)
        .where(messages.c.invoice_id.in_(invoice_ids), messages.c.invoice_id.is_not(None))
        .where(messages.c.kind.in_(kinds), _N.key.is_(None))
    )
    found: defaultdict[str, list[SentNotification]] = defaultdict(list)
    for row in connection.execute(query):
        state = State(row.state)
        claimed = Claim("", about_invoice(row.invoice_id))
        at = _left_at(state, row.changed_at, row.accepted_at)
        found[row.invoice_id].append(
            SentNotification(claimed, row.id, row.accepted_at, at, state, by_scan=False)
        )
    return dict(found)


def fates(connection: Connection, run_id: int) -> dict[State, int]:
    """What became of the messages that this scan wrote: how many stand in which state."""
    query = (
        select(messages.c.state, func.count(messages.c.id.distinct()))
        .join(notifications, _N.message_id == messages.c.id)
        .where(_N.run_id == run_id)
        .group_by(messages.c.state)
    )
    return {State(state): count for state, count in connection.execute(query)}


def _left_at(state: State | None, changed_at: datetime | None, written_at: datetime) -> datetime | None:
    if state is None:
        return written_at
    return changed_at if state in FINAL else None
