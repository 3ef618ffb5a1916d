"""Is a reminder that is about to leave still true, step by step, and is this a decent hour?"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from mailworker.errors import BadInput
from mailworker.rules.crm_facts import Exclusion, InvoiceFacts
from mailworker.rules.pre_send.verdicts import Cancel, Wait, closed, unreadable
from mailworker.rules.quiet_hours import Hours, local_day, not_before
from mailworker.rules.reminder_due import outdated, settled
from mailworker.rules.reminder_ladder import Ladder


@dataclass(frozen=True, slots=True)
class ReminderPolicy:
    """What the operator configured."""

    ladder: Ladder
    hours: Hours


@dataclass(frozen=True, slots=True)
class StepFacts:
    """One step of a mail, and what the CRM has on its invoice and its customer at this moment.

    None is what the CRM has no more; BadInput what it has and nobody can read.
    """

    key: str
    days: int
    invoice: InvoiceFacts | BadInput | None
    exclusion: Exclusion | BadInput | None = None


@dataclass(frozen=True, slots=True)
class StillTrue:
    """The keys of the steps that may be sent now."""

    keys: tuple[str, ...]


def check_steps(
    steps: Sequence[StepFacts], policy: ReminderPolicy, now: datetime
) -> Cancel | Wait | StillTrue:
    """Whether a mail of these steps (at least one) may leave now, or which of them."""
    if any(isinstance(step.invoice, BadInput) for step in steps):
        return unreadable(now)
    objections = [_objection(step, policy, now) for step in steps]
    true = [step for step, objection in zip(steps, objections, strict=True) if objection is None]
    if not true:
        return Cancel(next(objection for objection in objections if objection))
    opens = not_before(now, policy.hours, _zone_name(true[0]))
    return closed(opens, now) or StillTrue(tuple(step.key for step in true))


def check_by_hand(invoice: InvoiceFacts | BadInput | None, now: datetime) -> Cancel | Wait | None:
    """Whether a reminder that staff sent may leave, at any hour: only if there is still something to pay."""
    if isinstance(invoice, BadInput):
        return unreadable(now)
    gone = settled(invoice)
    return Cancel(gone.sentence) if gone else None


def _objection(step: StepFacts, policy: ReminderPolicy, now: datetime) -> str | None:
    """Why this step is no longer true, or None."""
    if isinstance(step.exclusion, BadInput):
        # Somebody wrote this customer down as one to be left alone; until when, cannot be read.
        return "The customer's exclusion in the CRM cannot be read."
    invoice = step.invoice if isinstance(step.invoice, InvoiceFacts) else None
    today = local_day(now, policy.hours.zone_of(_zone_name(step)))
    objection = outdated(invoice, step.days, policy.ladder, today, step.exclusion)
    return objection.sentence if objection else None


def _zone_name(step: StepFacts) -> str:
    return step.invoice.timezone if isinstance(step.invoice, InvoiceFacts) else ""
