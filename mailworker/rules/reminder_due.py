"""Which reminder an unpaid invoice is due for, if any, and every reason why there is none.

A ladder has steps, each so many days before or after the due date. Of the steps whose day has come, only the
latest is sent; earlier ones that were missed are skipped for good. A step is sent once, and no step before
one that was sent is sent any more.

What was sent counts from the due date that holds now: where that was put off, steps whose days have to come
again are sent anew.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from zoneinfo import ZoneInfo

from mailworker.rules.crm_facts import Exclusion, InvoiceFacts, InvoiceStatus
from mailworker.rules.quiet_hours import Hours, local_day, not_before
from mailworker.rules.reminder_ladder import Ladder, ReminderSent, Step


class Why(StrEnum):
    """Why an invoice gets no reminder now. Operators count and read these words."""

    PAID = "paid"
    CANCELLED = "cancelled"
    GONE = "gone"
    DISPUTED = "disputed"
    EXCLUDED = "excluded"
    PAUSED = "paused"
    DIRECT_DEBIT = "direct_debit"
    BELOW_MINIMUM = "below_minimum"
    PART_PAID = "part_paid"
    NOT_DUE_YET = "not_due_yet"
    BEFORE_START = "before_start"
    ALREADY_NOTIFIED = "already_said"
    WAITING = "waiting"
    TOO_SOON = "too_soon"
    TOO_LATE = "too_late"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class NotDue:
    """No reminder now. `sentence` is why in plain words, with nothing personal in it."""

    why: Why
    sentence: str


@dataclass(frozen=True, slots=True)
class Due:
    """One reminder: its step, its idempotency key, when it may leave (UTC), and what it passes over.

    `days_overdue` and `days_left` count to the day on which it leaves; `last` is the end of the ladder.
    """

    step: Step
    key: str
    not_before: datetime
    days_overdue: int
    skipped: tuple[Step, ...] = ()
    days_left: int = 0
    last: bool = False


def reminder_key(invoice_id: str, step: Step, *, attempt: int = 1) -> str:
    """The idempotency key of this step of this invoice: the same in every scan, for ever.

    `attempt` counts those before it that came to nothing, or were of another due date.
    """
    key = f"reminder:{invoice_id}:{step.name}"
    return key if attempt == 1 else f"{key}~{attempt}"


def decide(
    invoice: InvoiceFacts,
    ladder: Ladder,
    sent: Iterable[ReminderSent],
    hours: Hours,
    now: datetime,
    *,
    exclusion: Exclusion | None = None,
) -> Due | NotDue:
    """The one reminder that this invoice is due for at `now`, or why none."""
    zone = hours.zone_of(invoice.timezone)
    today = local_day(now, zone)
    history = tuple(sent)
    counted = tuple(one for one in history if _counts(one, invoice, zone))
    step = stopped(invoice, ladder, today, exclusion) or _step_for(invoice, ladder, counted, today)
    if isinstance(step, NotDue):
        return step
    leaves = not_before(now, hours, invoice.timezone)
    leaves_on = local_day(leaves, zone)
    last = max((local_day(one.at, zone) for one in history if one.at and one.counts), default=None)
    if last is not None and leaves_on < last + timedelta(days=ladder.days_between):
        return NotDue(Why.TOO_SOON, f"The last one is of {last}; {_days(ladder)} must lie between two.")
    if step.days < 0 and leaves_on > invoice.due_date:
        return NotDue(Why.TOO_LATE, f"Step {step.name} could leave only on {leaves_on}, after the due date.")
    return Due(
        step=step,
        key=reminder_key(invoice.invoice_id, step, attempt=1 + sum(one.days == step.days for one in history)),
        not_before=leaves,
        days_overdue=max(0, (leaves_on - invoice.due_date).days),
        skipped=_skipped(step, ladder, counted),
        days_left=max(0, (invoice.due_date - leaves_on).days),
        last=ladder.is_last(step),
    )


def _counts(one: ReminderSent, invoice: InvoiceFacts, zone: ZoneInfo) -> bool:
    """Whether this is still a step of the ladder, by the due date that holds now."""
    if not one.counts:
        return False
    if one.days is None or one.at is None:
        return True
    return one.days <= (local_day(one.at, zone) - invoice.due_date).days


def _step_for(
    invoice: InvoiceFacts, ladder: Ladder, history: tuple[ReminderSent, ...], today: date
) -> Step | NotDue:
    age = (today - invoice.due_date).days
    if age > ladder.end_after_days:
        return NotDue(Why.ENDED, f"The ladder ended {ladder.end_after_days} days after the due date.")
    # A step before the due date says "is due soon"; after that date it would be wrong.
    come = [step for step in ladder.steps if step.days <= age and (step.days >= 0 or age <= 0)]
    if not come:
        return NotDue(Why.NOT_DUE_YET, _next_sentence(invoice, ladder, age))
    reached = _reached(history)
    if reached is not None and come[-1].days <= reached:
        return _already_notified(invoice, ladder, come[-1], age)
    if ladder.start and invoice.due_date + timedelta(days=come[-1].days) < ladder.start:
        return NotDue(Why.BEFORE_START, f"The day of step {come[-1].name} was before {ladder.start}.")
    if any(one.at is None for one in history):
        return NotDue(Why.WAITING, "An earlier reminder still waits to leave.")
    return come[-1]


def _already_notified(invoice: InvoiceFacts, ladder: Ladder, step: Step, age: int) -> NotDue:
    if step == ladder.steps[-1]:
        return NotDue(Why.ENDED, "The last step of the ladder has its mail.")
    coming = _next_sentence(invoice, ladder, age)
    return NotDue(Why.ALREADY_NOTIFIED, f"Step {step.name} has its mail. {coming}")


def _next_sentence(invoice: InvoiceFacts, ladder: Ladder, age: int) -> str:
    coming = next((step for step in ladder.steps if step.days > age), None)
    if coming is None:
        return "No further step follows."
    return f"The next step is {coming.name}, on {invoice.due_date + timedelta(days=coming.days)}."


def _reached(history: tuple[ReminderSent, ...]) -> int | None:
    return max((one.days for one in history if one.days is not None), default=None)


def _skipped(step: Step, ladder: Ladder, history: tuple[ReminderSent, ...]) -> tuple[Step, ...]:
    reached = _reached(history)
    return tuple(s for s in ladder.steps if s.days < step.days and (reached is None or s.days > reached))


def _days(ladder: Ladder) -> str:
    return "one day" if ladder.days_between == 1 else f"{ladder.days_between} days"


def stopped(
    invoice: InvoiceFacts | None, ladder: Ladder, today: date, exclusion: Exclusion | None = None
) -> NotDue | None:
    """What forbids any reminder of the ladder today. Asked by the scan, and again just before sending.

    `invoice` is None where the CRM knows it no more.
    """
    gone = settled(invoice)
    if gone is not None or invoice is None:
        return gone
    return _spared(invoice, ladder, today, exclusion) or _too_little(invoice, ladder, today)


def outdated(
    invoice: InvoiceFacts | None, days: int, ladder: Ladder, today: date, exclusion: Exclusion | None = None
) -> NotDue | None:
    """Why a step that was written down earlier is not sent any more. `days` is the step's.

    Besides what forbids any reminder: the due date was put off, or came before a mail that announces it left.
    """
    objection = stopped(invoice, ladder, today, exclusion)
    if objection is not None or invoice is None:
        return objection
    age = (today - invoice.due_date).days
    if days < 0 < age:
        return NotDue(Why.TOO_LATE, "It says that the invoice is due soon, and the due date is over.")
    if age < days:
        return NotDue(Why.NOT_DUE_YET, f"The invoice is now due on {invoice.due_date}.")
    return None


def settled(invoice: InvoiceFacts | None) -> NotDue | None:
    """What forbids even a reminder by hand: there is nothing to pay. `invoice` is None where it is gone."""
    if invoice is None:
        return NotDue(Why.GONE, "The CRM does not know this invoice any more.")
    if invoice.status is InvoiceStatus.CANCELLED:
        return NotDue(Why.CANCELLED, "The invoice is cancelled.")
    if invoice.status is InvoiceStatus.PAID or invoice.owed <= 0:
        return NotDue(Why.PAID, "The invoice is paid.")
    return None


def _spared(invoice: InvoiceFacts, ladder: Ladder, today: date, exclusion: Exclusion | None) -> NotDue | None:
    if ladder.skip_disputed and invoice.status is InvoiceStatus.DISPUTED:
        return NotDue(Why.DISPUTED, "The customer disputes this invoice.")
    if ladder.skip_direct_debit and invoice.direct_debit:
        return NotDue(Why.DIRECT_DEBIT, "A direct debit is under way for this invoice.")
    if invoice.customer_id in ladder.excluded_customers:
        return NotDue(Why.EXCLUDED, "The customer is excluded from reminders in the configuration.")
    if exclusion is None or (exclusion.until is not None and exclusion.until < today):
        return None
    if exclusion.until is None:
        return NotDue(Why.EXCLUDED, "The customer is excluded from reminders in the CRM.")
    return NotDue(Why.PAUSED, f"Reminders to the customer are paused through {exclusion.until}.")


def _too_little(invoice: InvoiceFacts, ladder: Ladder, today: date) -> NotDue | None:
    minimum = ladder.minimum_amounts.get(invoice.currency, Decimal(0))
    if invoice.owed < minimum:
        return NotDue(
            Why.BELOW_MINIMUM, f"What is owed is below the minimum of {minimum} {invoice.currency}."
        )
    if invoice.paid_part_on is None:
        return None
    grace_ends = invoice.paid_part_on + timedelta(days=ladder.part_payment_grace_days)
    if today < grace_ends:
        return NotDue(
            Why.PART_PAID, f"A part was paid on {invoice.paid_part_on}; grace lasts until {grace_ends}."
        )
    return None
