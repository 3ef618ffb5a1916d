"""The suppression list: who comes onto it, who is taken off, and what people did about it.

Addresses stand here in their canonical form; one that was erased stays listed under its pseudonym.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, case, delete, func, select

from mailworker.core.canonical_address import canonical_address
from mailworker.core.chunks import chunked
from mailworker.ledger.bulk_insert import insert_into, insert_rows
from mailworker.ledger.contact_exclusion import bar, unbar
from mailworker.ledger.contact_tables import mailjet_contacts
from mailworker.ledger.recipient_standings import listings, suppressed
from mailworker.ledger.run_query import Row, all_rows, first_row, pairs
from mailworker.ledger.switched_off_kinds import switch_on
from mailworker.ledger.tables import suppression_changes, suppressions
from mailworker.rules.pseudonym import pseudonyms
from mailworker.rules.suppression_reasons import REASONS, Listing, weightier

_S = suppressions.c
_M = mailjet_contacts.c
#: SQLite takes 32,766 values in a statement.
_AT_ONCE = 5_000


def listing_of(connection: Connection, name: str) -> Row | None:
    """The whole entry of an address, or of its pseudonym; None where it is not listed."""
    return first_row(connection, select(suppressions).where(_S.email.in_([name, *pseudonyms(name)])))


def suppress_all(
    connection: Connection,
    wanted: Mapping[str, Listing],
    *,
    now: datetime,
    by_hand: Mapping[str, Any] | None = None,
) -> None:
    """List addresses, or pseudonyms, each with its weightiest reason.

    What happened before an operator lifted an address lists it no more. Contacts among them are pushed to
    Mailjet as left out of campaigns. `by_hand` gives `added_by` and `why`.
    """
    names = {canonical_address(email): listing for email, listing in wanted.items()}
    lifted = {} if by_hand else lifted_at(connection, names)
    names = {name: one for name, one in names.items() if name not in lifted or one.since > lifted[name]}
    known = listings(connection, names)
    kept = {name: weightier(known[name], one) if name in known else one for name, one in names.items()}
    more = {"added_by": None, "why": None} | dict(by_hand or {})
    rows = [
        {"email": name, "reason": one.reason, "since": one.since, "source": one.source, **more}
        for name, one in sorted(kept.items())
        if known.get(name) != one
    ]
    if rows:
        connection.execute(_upsert(connection), rows)
        bar(connection, {row["email"]: row["reason"] for row in rows}, now=now)


def _upsert(connection: Connection) -> Any:
    statement = insert_into(connection.dialect, suppressions)
    names = ("reason", "since", "source", "added_by", "why")
    change = {name: statement.excluded[name] for name in names}
    # Asked again in the statement itself, for another transaction may just have listed the address.
    as_heavy = _weight(statement.excluded.reason) >= _weight(_S.reason)
    return statement.on_conflict_do_update(index_elements=["email"], set_=change, where=as_heavy)


def _weight(reason: ColumnElement[str]) -> ColumnElement[int]:
    ranks = {word: rank for rank, word in enumerate(REASONS)}
    return case(ranks, value=reason, else_=ranks["hard_bounce"])


def suppress(connection: Connection, email: str, *, reason: str, source: str, now: datetime) -> None:
    """List one address. A weightier reason replaces another, never the reverse."""
    suppress_all(connection, {email: Listing(reason, now, source)}, now=now)


def unlist(connection: Connection, emails: Collection[str], reason: str, *, now: datetime) -> None:
    """Take those of these addresses off the list that are there for this reason only."""
    names = [canonical_address(email) for email in emails]
    _remove(connection, _S.email.in_(names) & (_S.reason == reason), now)


def let_pass(connection: Connection, reasons: Collection[str], *, before: datetime, now: datetime) -> None:
    """Take addresses off the list whose passing trouble was last seen before this moment."""
    _remove(connection, _S.reason.in_(reasons) & (_S.since < before), now)


def _remove(connection: Connection, where: ColumnElement[bool], now: datetime) -> None:
    gone = list(connection.execute(delete(suppressions).where(where).returning(_S.email)).scalars())
    unbar(connection, gone, now=now)


def lift(connection: Connection, email: str, *, why: str, by: str, now: datetime) -> str | None:
    """Take an address off the list by hand; gives the reason it was there for, None where it was not."""
    name = canonical_address(email)
    reason = suppressed(connection, [name]).get(name)
    if reason is None:
        return None
    _remove(connection, _S.email.in_([name, *pseudonyms(name)]), now)
    _note_change(connection, name, ("lifted", reason, why, by), now)
    return reason


def opt_in(connection: Connection, email: str, *, why: str, by: str, now: datetime) -> int:
    """Take back by hand that an address's owner switched kinds of mail off; gives how many kinds."""
    name = canonical_address(email)
    kinds = switch_on(connection, name)
    if kinds:
        _note_change(connection, name, ("opted_in", "switched_off", why, by), now)
    return kinds


def add_by_hand(connection: Connection, email: str, *, reason: str, why: str, by: str, now: datetime) -> None:
    """List an address by hand. A weightier reason replaces another, never the reverse."""
    name = canonical_address(email)
    listing = Listing(reason, now, "by hand")
    suppress_all(connection, {name: listing}, now=now, by_hand={"added_by": by[:100], "why": why})
    _note_change(connection, name, ("added", reason, why, by), now)


def _note_change(connection: Connection, name: str, change: tuple[str, str, str, str], now: datetime) -> None:
    what, reason, why, by = change
    row = {"email": name, "at": now, "what": what, "reason": reason, "why": why, "changed_by": by[:100]}
    insert_rows(connection, suppression_changes, [row])


def lifted_at(
    connection: Connection, names: Collection[str], what: Literal["lifted", "opted_in"] = "lifted"
) -> dict[str, datetime]:
    """When these addresses were last lifted, or opted in, by hand: those that were."""
    found: dict[str, datetime] = {}
    changes = suppression_changes.c
    query = select(changes.email, func.max(changes.at)).where(changes.what == what).group_by(changes.email)
    for some in chunked(names, _AT_ONCE):
        found |= pairs(connection, query.where(changes.email.in_(some)))
    return found


def latest(connection: Connection, *, reason: str, limit: int, skip: int = 0) -> list[Row]:
    """The youngest entries beyond the first `skip`, of one reason only where it is given.

    Erased addresses are pseudonyms.
    """
    query = select(suppressions)
    if reason:
        query = query.where(suppressions.c.reason == reason)
    ordered = query.order_by(suppressions.c.since.desc(), suppressions.c.email).limit(limit).offset(skip)
    return all_rows(connection, ordered)


def history(connection: Connection, name: str) -> list[Row]:
    """What people did about an address, the first first."""
    query = select(suppression_changes).where(suppression_changes.c.email == name)
    return all_rows(connection, query.order_by(suppression_changes.c.at, suppression_changes.c.id))


def lists_of(connection: Connection, name: str) -> list[str]:
    """The contact types of the contact that has this address."""
    return connection.execute(select(_M.lists).where(_M.email == name)).scalar() or []
