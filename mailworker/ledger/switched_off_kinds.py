"""Which kinds of mail an address's owner has switched off, such as alerts about a balance.

The address stands here under its pseudonym only, so that nothing has to be erased, and a choice outlives an
erasure.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime

from sqlalchemy import Connection, delete, select

from mailworker.core.canonical_address import canonical_address
from mailworker.ledger.bulk_insert import insert_new
from mailworker.ledger.tables import opt_outs
from mailworker.rules.pseudonym import pseudonym, pseudonyms


def switch_off(connection: Connection, choices: Mapping[tuple[str, str], datetime]) -> None:
    """Write down who (address or pseudonym) wants which kind no more, and since when."""
    rows = [
        {"person": email if "@" not in email else pseudonym(email), "kind": kind, "since": at}
        for (email, kind), at in sorted(choices.items())
    ]
    insert_new(connection, opt_outs, rows)


def switched_off(connection: Connection, emails: Iterable[str]) -> dict[str, frozenset[str]]:
    """Of these addresses, those that switched kinds off, by their canonical form."""
    spellings = {name: canonical_address(email) for email in emails for name in pseudonyms(email)}
    found: dict[str, set[str]] = {}
    query = select(opt_outs.c.person, opt_outs.c.kind).where(opt_outs.c.person.in_(spellings))
    for person, kind in connection.execute(query):
        found.setdefault(spellings[person], set()).add(kind)
    return {email: frozenset(kinds) for email, kinds in found.items()}


def switch_on(connection: Connection, email: str) -> int:
    """Let all kinds reach this address again; give how many were off."""
    statement = delete(opt_outs).where(opt_outs.c.person.in_(pseudonyms(email)))
    return connection.execute(statement).rowcount
