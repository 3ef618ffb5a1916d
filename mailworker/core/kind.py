"""What a kind of e-mail is: data, never a function of its own."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

from mailworker.core.lane import Lane
from mailworker.core.plural import counted


class VariableType(StrEnum):
    """What a variable's value may be."""

    TEXT = "text"
    URL = "url"
    EMAIL = "email"
    INTEGER = "integer"
    LIST = "list"


@dataclass(frozen=True, slots=True)
class Variable:
    """One name that a template prints. `secret` ones are wiped from the ledger once the mail is sent.

    A `blank` one must be given, but may be given as empty text: the template leaves it out. A `filled` one
    may not: without it the mail would be empty.
    `default` is what the template gets where an optional one was left out. A `derived` one is filled in when
    the mail leaves, from what it is about; no caller gives it.
    """

    name: str
    type: VariableType = VariableType.TEXT
    required: bool = True
    secret: bool = False
    blank: bool = False
    filled: bool = False
    default: Any = ""
    derived: bool = False


@dataclass(frozen=True, slots=True)
class RecipientLimit:
    """So many mails of a kind may go to one address within `period`."""

    count: int
    period: timedelta

    def __str__(self) -> str:
        hours = self.period.total_seconds() / 3600
        return f"{counted(self.count, 'mail')} of a kind in {hours:g} {'hour' if hours == 1 else 'hours'}"


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of e-mail.

    `about_invoice` kinds may name an invoice by its id, to be fetched from the CRM; `invoice_pdf` ones carry
    it.
    `lifetime` is how long after the enqueue the mail is still worth sending (None: for ever).
    `business_key` names the variables that, with kind and recipient, make the idempotency key where the
    caller gives none. `resend_unknown_after` is how long Mailjet may deny knowing a message of unknown
    outcome before it is sent again (None: never; a person decides); with `resend_needs_proof` only once
    Mailjet shows mail that left after it. `service` mail passes an unsubscribe;
    the reader of `optional` mail may switch this one kind off. `at_most` is how many of them one address gets
    in a time, whoever asks for them (None: no limit).
    """

    name: str
    variables: tuple[Variable, ...]
    lane: Lane = Lane.NORMAL
    lifetime: timedelta | None = None
    about_invoice: bool = False
    invoice_pdf: bool = False
    business_key: tuple[str, ...] = ()
    resend_unknown_after: timedelta | None = None
    resend_needs_proof: bool = False
    service: bool = True
    optional: bool = False
    at_most: RecipientLimit | None = None

    @property
    def required(self) -> frozenset[str]:
        """The variables a job must bring."""
        return frozenset(v.name for v in self.variables if v.required)

    @property
    def secrets(self) -> frozenset[str]:
        """The variables that are wiped once the mail is sent."""
        return frozenset(v.name for v in self.variables if v.secret)

    def variable(self, name: str) -> Variable | None:
        """The variable of that name, or None."""
        return next((v for v in self.variables if v.name == name), None)
