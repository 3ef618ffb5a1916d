"""What a CRM knows: the facts that rules ask for, and what a mail prints besides. No repr shows a person."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from typing import ClassVar

from mailworker.core.currency import in_units
from mailworker.rules.crm_facts import BalanceFacts, Exclusion, InvoiceFacts, Token

__all__ = [
    "Balance",
    "CrmContact",
    "CrmInvoice",
    "Customer",
    "Exclusion",
    "Instalment",
    "PaymentPlan",
    "Service",
    "Token",
]


@dataclass(frozen=True, slots=True)
class Instalment:
    """One payment of a plan. `owed` is what is left of it, None where only the invoice's own is known."""

    due_date: date
    amount: Decimal
    owed: Decimal | None = None


@dataclass(frozen=True, slots=True)
class PaymentPlan:
    """The instalments that were agreed on for an invoice, by their due dates."""

    instalments: tuple[Instalment, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CrmInvoice(InvoiceFacts):
    """An invoice, with what a reminder prints of it. `total` is what was billed, `owed` what is left of it.

    One that is paid by a `payment_plan` is reminded of by its instalments; such a one shows by `instalment`
    which it is, of how many `instalments`.
    """

    email: str = field(repr=False)
    customer_name: str = field(repr=False)
    number: str
    total: Decimal
    issue_date: date | None = None
    language: str = ""
    pay_url: str = field(default="", repr=False)
    invoice_url: str = field(default="", repr=False)
    payment_plan: PaymentPlan | None = None
    instalment: int = 0
    instalments: int = 0

    def in_whole_units(self) -> "CrmInvoice":
        """The same, amounts rounded to the currency's smallest unit: sums of floats leave residues."""
        owed, total = (in_units(amount, self.currency) for amount in (self.owed, self.total))
        return replace(self, owed=owed, total=total)


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance(BalanceFacts):
    """A balance or allowance, with what an alert prints of it. `unit` is as people write it: Go, min, EUR."""

    email: str = field(repr=False)
    customer_name: str = field(repr=False)
    service_name: str
    unit: str = ""
    language: str = ""
    topup_url: str = field(default="", repr=False)
    renewal_url: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class CrmContact:
    """A person at a customer's. `contact_type` is the CRM's own word: billing, technical, ..."""

    contact_id: str
    customer_id: str
    name: str = field(repr=False)
    email: str = field(repr=False)
    contact_type: str = ""
    language: str = ""
    custom_fields: Mapping[str, str] = field(default_factory=dict, repr=False)
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """A customer and the contacts to be synchronised.

    `version` or `updated_at` distinguish an older copy from a newer one, where the CRM has them.
    """

    customer_id: str
    name: str = field(repr=False)
    city: str = field(default="", repr=False)
    postal_code: str = field(default="", repr=False)
    country: str = ""
    language: str = ""
    timezone: str = ""
    custom_fields: Mapping[str, str] = field(default_factory=dict, repr=False)
    updated_at: datetime | None = None
    version: int | None = None
    contacts: tuple[CrmContact, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A customer's service, whose balances the charging engine keeps under `service_uuid`.

    `product` is the product's slug. `status` is the CRM's own word; `ends_at` is when it ends or ended.
    """

    #: Words for a service that nobody has any more.
    _OVER: ClassVar = frozenset(
        {"inactive", "cancelled", "canceled", "closed", "terminated", "expired", "archived"}
    )

    service_uuid: str
    customer_id: str
    service_name: str
    email: str = field(repr=False)
    customer_name: str = field(repr=False)
    service_id: str = ""
    product: str = ""
    status: str = ""
    ends_at: datetime | None = None
    language: str = ""
    timezone: str = ""

    @property
    def is_over(self) -> bool:
        """Whether the customer does not have it any more, by the CRM."""
        return self.status.casefold() in self._OVER
