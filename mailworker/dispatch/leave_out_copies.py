"""Copies to addresses that nothing may go to: the mail leaves without them, and its timeline says so."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from mailworker.core.canonical_address import canonical_address
from mailworker.core.message import Address, Mail
from mailworker.core.settlement import Settlement
from mailworker.rules.pseudonym import is_pseudonym


def copies(kept: list[dict[str, str]] | None) -> tuple[Address, ...]:
    """Who gets a copy; not where somebody had their address erased while the mail waited."""
    return tuple(Address(one["email"], one["name"]) for one in kept or () if not is_pseudonym(one["email"]))


def recipients(row: Mapping[str, Any]) -> set[str]:
    """Everybody who would get this mail, copies included, by their canonical addresses."""
    own = [one.email for one in [*copies(row["cc"]), *copies(row["bcc"])]]
    return {canonical_address(email) for email in [row["to_email"], *own]}


def _named(row: Mapping[str, Any]) -> set[str]:
    """Everybody whom the row names, once each: who may get it, and who may not."""
    copies = [one["email"] for name in ("cc", "bcc") for one in row[name] or ()]
    return {canonical_address(email) for email in [row["to_email"], *copies]}


def without_copies(row: Mapping[str, Any], stopped: Collection[str]) -> Mapping[str, Any]:
    """The row without copies to these addresses (canonical); the mail itself goes all the same."""
    kept = {
        name: [one for one in row[name] or () if canonical_address(one["email"]) not in stopped]
        for name in ("cc", "bcc")
    }
    return {**row, **kept}


def note_copies_left_out(
    settlements: Sequence[Settlement], rows: Sequence[Mapping[str, Any]], mails: Sequence[Mail]
) -> list[Settlement]:
    """Note on the timeline where copies stayed behind because nothing may go to their addresses."""
    named = {row["id"]: len(_named(row)) for row in rows}
    left_out = {mail.id: named[mail.id] - mail.recipients for mail in mails}
    return [
        replace(one, why=f"{one.why}; copies to suppressed or erased addresses left out: {left_out[one.id]}")
        if left_out[one.id]
        else one
        for one in settlements
    ]
