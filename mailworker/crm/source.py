"""What the stories ask of a CRM, whichever it is. All of it only reads."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from mailworker.config.crm import Question
from mailworker.crm.records import Balance, Customer, Exclusion, Invoice, Token

T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Page(Generic[T_co]):
    """Some records, and a sentence for each row that could not be read; a bad row stops no scan."""

    records: tuple[T_co, ...]
    faults: tuple[str, ...] = ()


class CrmSource(Protocol):
    """A CRM to read from.

    Everything may raise Unreachable or Throttled (try again later) and Misconfigured (a person must act).
    Pages come one by one, so that a million records need the memory of one page.
    """

    def offers(self, question: Question) -> bool:
        """Whether this can be asked at all; what is not offered answers with nothing."""

    def open_invoices(self, *, by_customer: bool = False) -> Iterator[Page[Invoice]]:
        """All open invoices, page by page.

        With `by_customer` a customer's invoices come one after another, where the source can sort: a database
        can, a REST API lists in its own order.
        """

    def invoice(self, invoice_id: str) -> Invoice | None:
        """One invoice as it stands at this moment, paid or not; None where the CRM has it no more."""

    def balances(self) -> Iterator[Page[Balance]]:
        """All balances in use or just expired, page by page."""

    def balance(self, balance_id: str) -> Balance | None:
        """One balance as it stands at this moment."""

    def customers(self) -> Iterator[Page[Customer]]:
        """All customers with their contacts, page by page."""

    def customer(self, customer_id: str) -> Customer | None:
        """One customer with all contacts."""

    def exclusions(self) -> Mapping[str, Exclusion]:
        """Whom reminders leave alone, by customer id. Read once for a scan: there are few."""

    def exclusion(self, customer_id: str) -> Exclusion | None:
        """Whether reminders leave this customer alone, at this moment."""

    def token(self, token_id: str) -> Token | None:
        """A password-reset or verification token as it stands at this moment."""

    def count(self, question: Question) -> int | None:
        """How many records there are, for a progress bar; None where asking would cost a whole scan."""

    def check(self) -> list[str]:
        """Everything that is wrong with the way the CRM is connected, a sentence each; for `doctor`."""

    def close(self) -> None:
        """Let go of connections."""
