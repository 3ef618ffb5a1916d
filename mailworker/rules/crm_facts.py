"""What rules ask the CRM about: an invoice, a balance, a link's token, and whom reminders leave alone."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum


class InvoiceStatus(StrEnum):
    """An invoice's status in the CRM. A part paid is still `open`."""

    OPEN = "open"
    PAID = "paid"
    CANCELLED = "cancelled"
    DISPUTED = "disputed"


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceFacts:
    """What the ladder must know of an invoice.

    `owed` is what is still to be paid. `direct_debit` is whether one is under way. `paid_part_on` is the day
    of the latest part payment. `timezone` is the customer's IANA zone, empty where unknown.
    """

    invoice_id: str
    customer_id: str
    status: InvoiceStatus
    due_date: date
    currency: str
    owed: Decimal
    direct_debit: bool = False
    paid_part_on: date | None = None
    timezone: str = ""


@dataclass(frozen=True, slots=True)
class Exclusion:
    """A customer whom reminders leave alone: for good, or through `until` (a pause).

    `reason` is for staff only.
    """

    customer_id: str
    reason: str = ""
    until: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceFacts:
    """What an alert must know of a balance. Amounts are in the balance's own unit.

    `allowance` is what a full balance holds, None where nothing bounds it. `period_start` is when the current
    period or purchase began. `topped_up_at` is the latest top-up since, and `level_after_top_up` what the
    balance then stood at.
    """

    balance_id: str
    customer_id: str
    balance_type: str
    amount: Decimal
    period_start: datetime
    plan: str = ""
    allowance: Decimal | None = None
    expires_at: datetime | None = None
    topped_up_at: datetime | None = None
    level_after_top_up: Decimal | None = None
    timezone: str = ""
    #: What it stood at when this installation first looked at its balances: what was low by then is old news.
    amount_at_start: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A password-reset or verification token, by an id that is not the token itself."""

    token_id: str
    used: bool
    expires_at: datetime | None = None
