"""What the stories ask of a CRM, whichever it is. All of it only reads."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar

from mailworker.config.crm import Question
from mailworker.crm.records import Balance, CrmInvoice, Customer, Exclusion, Service, Token
from mailworker.crm.row_source_interface import Cursor
from mailworker.errors import BadInput

T_co = TypeVar("T_co", covariant=True)
T = TypeVar("T")

#: Records by id, each as it stands now, or why it cannot be read. One that is missing is gone.
Found = Mapping[str, T | BadInput]


@dataclass(frozen=True, slots=True)
class RecordPage(Generic[T_co]):
    """Some records, and a sentence for each row that could not be read; a bad row stops no scan.

    `ends` has for each record the position after which a scan that has dealt with it goes on; `end` is the
    whole page's. Of customers, `unread` are the ids of contacts that exist and are not among the records, and
    `traced` is how many of the faults concern these alone; of the other faults nobody knows whose they are.
    """

    records: tuple[T_co, ...]
    faults: tuple[str, ...] = ()
    ends: tuple[Cursor, ...] = ()
    end: Cursor | None = None
    unread: tuple[str, ...] = ()
    traced: int = 0


class CrmSource(Protocol):
    """A CRM to read from.

    Everything may raise Unreachable or Throttled (try again later) and Misconfigured (a person must act).
    Pages come one by one, so that a million records need the memory of one page.
    """

    def offers(self, question: Question) -> bool:
        """Whether this can be asked at all; what is not offered answers with nothing."""

    def open_invoices(
        self, *, by_customer: bool = False, after: Cursor | None = None
    ) -> Iterator[RecordPage[CrmInvoice]]:
        """All open invoices, or those after a position that an earlier page named; page by page.

        With `by_customer` a customer's invoices come one after another, where the source can sort: a database
        can, a REST API lists in its own order.
        """

    def invoice(self, invoice_id: str) -> CrmInvoice | None:
        """One invoice as it stands at this moment, paid or not; None where the CRM has it no more."""

    def invoice_document(self, invoice_id: str) -> Mapping[str, Any] | None:
        """The whole document, in the names of OmniCRM's invoice JSON; None where the CRM has none.

        Only where `invoice_document` is offered. What the CRM does not have is not there.
        """

    def invoices(self, ids: Collection[str]) -> Found[CrmInvoice]:
        """These invoices as they stand at this moment, with one question where the source can."""

    def balances(self, *, after: Cursor | None = None) -> Iterator[RecordPage[Balance]]:
        """All balances in use or just expired, or those after a position; page by page."""

    def balances_of(self, ids: Collection[str]) -> Found[Balance]:
        """These balances as they stand at this moment, with one question where the source can."""

    def customers(self, *, after: Cursor | None = None) -> Iterator[RecordPage[Customer]]:
        """All customers with their contacts, or those after a position; page by page."""

    def changed_customers(self, since: datetime) -> Iterator[RecordPage[Customer]]:
        """Customers changed since then, themselves or one of their contacts, with all contacts; page by page.

        Only where `changed_customers` is offered: nothing otherwise.
        """

    def customer(self, customer_id: str) -> Customer | None:
        """One customer with all contacts."""

    def exclusions(self) -> Mapping[str, Exclusion]:
        """Whom reminders leave alone, by customer id. Read once for a scan: there are few."""

    def exclusions_of(self, customer_ids: Collection[str]) -> Found[Exclusion]:
        """Those of these customers whom reminders leave alone at this moment."""

    def services(self, *, after: Cursor | None = None) -> Iterator[RecordPage[Service]]:
        """All services, or those after a position; page by page."""

    def services_of(self, uuids: Collection[str]) -> Found[Service]:
        """The services of these accounts of the charging engine."""

    def token(self, token_id: str) -> Token | None:
        """A password-reset or verification token as it stands at this moment."""

    def count(self, question: Question) -> int | None:
        """How many records there are, for a progress bar; None where asking would cost a whole scan."""

    def check(self) -> list[str]:
        """Everything that is wrong with the way the CRM is connected, a sentence each; for `doctor`."""

    def close(self) -> None:
        """Let go of connections."""
