"""The `reminders:` section: when an unpaid invoice is spoken of, and when not."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from mailworker.config.kind_block import canonical_keys
from mailworker.config.scan_schedule import Schedule, read_timetable
from mailworker.config.section import CustomerId, Section
from mailworker.config.sending_hours import SendingHours
from mailworker.core.currency import canonical_currency

REMINDER_KIND = "api_crmCommunicationCustomerInvoiceReminder"
Currency = Annotated[str, AfterValidator(canonical_currency)]
Amount = Annotated[Decimal, Field(ge=0, allow_inf_nan=False)]


def _one_spelling_each(value: Any) -> Any:
    names = [str(name).strip().upper() for name in value] if isinstance(value, dict) else []
    if len(set(names)) < len(names):
        raise ValueError("has a currency in two spellings; keep one of them")
    return value


class StepTranslation(Section):
    """How a step looks to readers of another language."""

    template_id: int | None = Field(default=None, gt=0)
    subject: str = Field(default="", max_length=255)


class ReminderStep(Section):
    """One rung of the ladder. A bare number stands for its `days`."""

    days: int = Field(ge=-60, le=365, description="Days after the due date; negative for before it.")
    kind: str = Field(default="", description="The kind of e-mail for this step; empty for `reminders.kind`.")
    template_id: int | None = Field(
        default=None, gt=0, description="A Mailjet template for this step alone; the kind's where left out."
    )
    subject: str = Field(
        default="", max_length=255, description="A subject for this step alone; else the kind's, or ours."
    )
    languages: Annotated[dict[str, StepTranslation], BeforeValidator(canonical_keys)] = Field(
        default={}, description="template_id and subject for readers of other languages, as `en: {...}`."
    )


def _from_bare_number(value: Any) -> Any:
    if isinstance(value, int) and not isinstance(value, bool):
        return {"days": value}
    if not isinstance(value, Mapping | ReminderStep):
        raise ValueError("write its days from the due date as a whole number, or {days: 7, ...}")  # noqa: TRY004
    return value


Step = Annotated[ReminderStep, BeforeValidator(_from_bare_number)]


class Exclusions(Section):
    """Whom, and what, reminders leave alone."""

    customers: tuple[CustomerId, ...] = Field(default=(), description="Ids of customers who get no reminder.")
    disputed: bool = Field(default=True, description="Leave invoices alone that the customer disputes.")
    direct_debit: bool = Field(
        default=True, description="Leave invoices alone while a direct debit is under way."
    )


class ReminderSettings(SendingHours):
    """The reminder ladder. An empty block is a complete one."""

    enabled: bool = Field(default=True, description="false stops the scan; a reminder by hand still works.")
    schedule: Schedule = Field(
        default=read_timetable("0 6 * * *"),
        description="When the scan runs: minute hour day month weekday in worker.timezone, or an interval.",
    )
    start_date: date | None = Field(
        default=None,
        description="Steps whose day came before this one are not sent: for the first day of a new ladder.",
    )
    steps: tuple[Step, ...] = Field(
        default=tuple(ReminderStep(days=days) for days in (-3, 1, 7, 14, 30)),
        min_length=1,
        description="Days before (negative) and after the due date, ascending; each is sent once at most.",
    )
    kind: str = Field(default=REMINDER_KIND, description="The kind of e-mail for steps that name none.")
    end_after_days: int = Field(
        default=60,
        ge=0,
        description="So many days after the due date the ladder is over, whatever was missed.",
    )
    days_between: int = Field(
        default=1,
        ge=1,
        le=60,
        description="Days at least between two reminders for one invoice, by hand or not.",
    )
    minimum_amounts: Annotated[dict[Currency, Amount], BeforeValidator(_one_spelling_each)] = Field(
        default={}, description="By currency: what is owed below this is not reminded of, as `EUR: 5.00`."
    )
    partial_payment_grace_days: int = Field(
        default=7, ge=0, description="After a part was paid, wait so many days before the next reminder."
    )
    confirm_above: int = Field(
        default=200,
        ge=1,
        description="Where a change of ladder or query makes more than this due at once, the scan stops and "
        "asks: `mailworker reminders start`.",
    )
    portal_url: str = Field(
        default="",
        pattern=r"^(https?://\S+)?$",
        description="Where a customer sees all invoices: the button of a mail about several of them.",
    )
    exclude: Exclusions = Field(default=Exclusions(), description="Whom, and what, reminders leave alone.")
    group_by_customer: bool = Field(
        default=False,
        description="One mail for all invoices of a customer that are due for a reminder that day.",
    )

    def step(self, days: int) -> ReminderStep | None:
        """The step so many days after the due date, if the ladder still has it."""
        return next((step for step in self.steps if step.days == days), None)

    @model_validator(mode="after")
    def _be_a_ladder(self) -> "ReminderSettings":
        days = [step.days for step in self.steps]
        if any(later <= earlier for earlier, later in pairwise(days)):
            raise ValueError("steps must rise, each day once: write them as [-3, 1, 7, 14, 30]")
        if days[-1] > self.end_after_days:
            raise ValueError(
                f"the step at day {days[-1]} comes after the ladder's end; raise end_after_days to at least "
                f"{days[-1]}, or drop the step"
            )
        return self
