"""The rows of Mailjet contacts that an upsert writes."""

from typing import Any

from sqlalchemy import Connection

from mailworker.ledger import mailjet_contact_rows


class EntryChanges:
    """The rows that an upsert writes, in the order in which they must be written."""

    def __init__(self) -> None:
        self.new: list[dict[str, Any]] = []
        self.changed: list[dict[str, Any]] = []
        self.dropped: list[tuple[str, str | None]] = []
        self.passed_on: list[tuple[str, str]] = []

    def write(self, connection: Connection) -> None:
        """Write them all, what waited for a row that goes included."""
        mailjet_contact_rows.add_entries(connection, self.new)
        mailjet_contact_rows.change_entries(connection, self.changed)
        mailjet_contact_rows.drop_entries(connection, [email for email, _ in self.dropped])
        for email, heir in [*self.dropped, *self.passed_on]:
            mailjet_contact_rows.wait_for_another(connection, email, heir)
