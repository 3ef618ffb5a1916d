"""The ladder of reminders: which step by how many days from the due date."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Step:
    """One rung: `days` after the due date (negative: before it), and its kind of e-mail."""

    days: int
    kind: str

    @property
    def name(self) -> str:
        """`d-3`, `d+7`: stands in keys and lists, and must never change."""
        return f"d{self.days:+d}"


@dataclass(frozen=True, slots=True)
class Ladder:
    """What the operator configured. `steps` rise by their days.

    `start` is the first day of the ladder: a step whose day came before is not sent.
    """

    steps: tuple[Step, ...]
    end_after_days: int = 60
    days_between: int = 1
    minimum_amounts: Mapping[str, Decimal] = field(default_factory=dict)
    part_payment_grace_days: int = 7
    skip_disputed: bool = True
    skip_direct_debit: bool = True
    excluded_customers: frozenset[str] = frozenset()
    start: date | None = None

    def is_last(self, step: Step) -> bool:
        """Whether this step ends a ladder of several steps after the due date."""
        after = [one for one in self.steps if one.days > 0]
        return len(after) > 1 and step.days >= after[-1].days


@dataclass(frozen=True, slots=True)
class ReminderSent:
    """One reminder that the ledger holds for the invoice, whatever became of it.

    `days` is its step, None for one that staff sent by hand. `at` is when it left, or came to nothing; None
    while it still waits to leave. `counts` is false where it came to nothing that the ladder should count: it
    was too late to leave, its recipient could not be written to, or it was true no more.
    """

    days: int | None
    at: datetime | None
    counts: bool = True
