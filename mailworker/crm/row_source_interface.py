"""Where rows come from: the little that a database, a REST API, or nothing at all must do."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from mailworker.config.crm import Question

Row = Mapping[str, Any]

#: The column that names one row of each kind.
KEYS: dict[Question, str] = {
    "open_invoices": "invoice_id",
    "invoices": "invoice_id",
    "balances": "balance_id",
    "customers": "customer_id",
    "changed_customers": "customer_id",
    "contacts": "customer_id",
    "exclusions": "customer_id",
    "tokens": "token_id",
    "services": "service_uuid",
    "invoice_document": "invoice_id",
    "invoice_lines": "invoice_id",
}


#: A position in a list, as JSON can keep it: reading goes on after it.
Cursor = Sequence[Any]

#: Since when `changed_customers` is asked where nobody gives it.
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class RowPage:
    """Some rows, and for each of them the position that its reader has reached."""

    rows: Sequence[Row]
    ends: Sequence[Cursor]


class RowSource(Protocol):
    """Rows by question, under our own column names."""

    def offers(self, question: Question) -> bool:
        """Whether this question can be asked."""

    def pages(
        self, question: Question, order: Sequence[str], after: Cursor | None = None
    ) -> Iterator[RowPage]:
        """All rows, or those after a position; sorted by these columns, which name a row, where it can."""

    def changed(self, since: datetime) -> Iterator[RowPage]:
        """The rows of `changed_customers`, by the customer's id where it can sort."""

    def of(self, question: Question, ids: Sequence[Any]) -> Sequence[Row]:
        """The rows whose key is one of these. Raises BadInput where the CRM takes one of them for no id."""

    def count(self, question: Question) -> int | None:
        """How many rows there are, where that is cheap to know."""

    def check(self, question: Question, required: Sequence[str]) -> list[str]:
        """What is wrong with this question: a refused query, columns that are missing."""

    def close(self) -> None:
        """Let go of connections."""


class NoRows:
    """No CRM is connected: nothing is offered, and nothing is found."""

    def offers(self, question: Question) -> bool:  # noqa: ARG002 - the answer is always the same
        """Nothing."""
        return False

    def pages(
        self,
        question: Question,  # noqa: ARG002
        order: Sequence[str],  # noqa: ARG002
        after: Cursor | None = None,  # noqa: ARG002
    ) -> Iterator[RowPage]:
        """None."""
        return iter(())

    def changed(self, since: datetime) -> Iterator[RowPage]:  # noqa: ARG002
        """None."""
        return iter(())

    def of(self, question: Question, ids: Sequence[Any]) -> Sequence[Row]:  # noqa: ARG002
        """None."""
        return ()

    def count(self, question: Question) -> int | None:  # noqa: ARG002
        """None."""
        return 0

    def check(self, question: Question, required: Sequence[str]) -> list[str]:  # noqa: ARG002
        """Nothing is wrong with nothing."""
        return []

    def close(self) -> None:
        """Nothing is open."""
