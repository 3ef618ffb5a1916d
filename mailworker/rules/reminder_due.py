"""Which reminder an unpaid invoice is due for, if any, and why not where none.

A ladder has steps, each so many days before or after the due date. Of the steps whose day has come, only the
latest is said; earlier ones that were missed are skipped for good. A step is said once, and no step before
one that was said is said any more.

What was said counts from the due date that holds now: where that was put off, steps whose days have to come
again are said anew.
"""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from mailworker.rules.dunning_exclusions import stopped
from mailworker.rules.quiet_hours import Hours, local_day, not_before
from mailworker.rules.reminder_ladder import (
    Due,
    Exclusion,
    InvoiceFacts,
    Ladder,
    NotDue,
    ReminderSent,
    Step,
    Why,
)


def reminder_key(invoice_id: str, step: Step, *, attempt: int = 1) -> str:
    """The idempotency key of this step of this invoice: the same in every scan, for ever.

    `attempt` counts those before it that came to nothing, or were of another due date.
    """
    key = f"reminder:{invoice_id}:{step.name}"
    return key if attempt == 1 else f"{key}~{attempt}"


def decide(
    invoice: InvoiceFacts,
    ladder: Ladder,
    said: Iterable[ReminderSent],
    hours: Hours,
    now: datetime,
    *,
    exclusion: Exclusion | None = None,
) -> Due | NotDue:
    """The one reminder that this invoice is due for at `now`, or why none."""
    zone = hours.zone_of(invoice.timezone)
    today = local_day(now, zone)
    history = tuple(said)
    counted = tuple(one for one in history if _counts(one, invoice, zone))
    step = stopped(invoice, ladder, today, exclusion) or _step_for(invoice, ladder, counted, today)
    if isinstance(step, NotDue):
        return step
    leaves = not_before(now, hours, invoice.timezone)
    leaves_on = local_day(leaves, zone)
    last = max((local_day(one.at, zone) for one in history if one.at is not None and one.said), default=None)
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
    """Whether this is still something that the ladder said, by the due date that holds now."""
    if not one.said:
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
        return _said(invoice, ladder, come[-1], age)
    if ladder.start and invoice.due_date + timedelta(days=come[-1].days) < ladder.start:
        return NotDue(Why.BEFORE_START, f"The day of step {come[-1].name} was before {ladder.start}.")
    if any(one.at is None for one in history):
        return NotDue(Why.WAITING, "An earlier reminder still waits to leave.")
    return come[-1]


def _said(invoice: InvoiceFacts, ladder: Ladder, step: Step, age: int) -> NotDue:
    if step == ladder.steps[-1]:
        return NotDue(Why.ENDED, "The last step of the ladder was said.")
    return NotDue(Why.ALREADY_SAID, f"Step {step.name} was said. {_next_sentence(invoice, ladder, age)}")


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
