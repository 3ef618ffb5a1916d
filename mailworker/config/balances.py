"""The `balances:` section: when a balance counts as low, and what is said once it has expired."""

import re
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator

from mailworker.config.cgrates import CgratesSettings
from mailworker.config.scan_schedule import Schedule, read_timetable
from mailworker.config.section import CustomerId, Section
from mailworker.config.sending_hours import QuietHours, SendingHours

LOW_KIND = "api_crmCommunicationsBalanceLow"
EXPIRED_KIND = "api_crmCommunicationsBalanceExpired"
_PERCENT = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*%\s*$")


class Level(Section):
    """How much of a balance: a share of its allowance, or an amount in the balance's own unit."""

    value: Decimal = Field(ge=0, allow_inf_nan=False)
    percent: bool = False

    def __str__(self) -> str:
        return f"{self.value}%" if self.percent else str(self.value)


def read_level(value: Any) -> Any:
    """`20%` or `5.00`."""
    if isinstance(value, Level | dict):
        return value
    match = _PERCENT.match(str(value))
    try:
        number = Decimal(match[1] if match else str(value))
    except InvalidOperation:
        raise ValueError('is not a level: write "20%" or 5.00') from None
    if not number.is_finite() or number < 0:
        raise ValueError('is not a level: write "20%" or 5.00')
    return {"value": number, "percent": match is not None}


LevelText = Annotated[Level, BeforeValidator(read_level)]


class ThresholdBlock(Section):
    """Below what a balance is low. The most telling line wins: type and plan, plan, type, neither.

    Several lines of the same type and plan (20% and 5%) are alerted one after the other, each once.
    """

    below: LevelText = Field(description='Low is less than this: "20%" of the allowance, or an amount.')
    type: str = Field(
        default="", description="Only balances of this type, as the CRM words it; empty for all."
    )
    plan: str = Field(default="", description="Only balances of this plan; empty for all.")
    rearm_at: LevelText | None = Field(
        default=None,
        description="A top-up counts as one only if it lifts the balance this high; half as much again as "
        "`below` where left out.",
    )

    @model_validator(mode="after")
    def _rearm_above(self) -> "ThresholdBlock":
        if self.below.percent and self.below.value > 100:
            raise ValueError("below is more than 100%, so that every balance is low; write less")
        if self.rearm_at is None:
            return self
        if self.rearm_at.percent != self.below.percent:
            raise ValueError("below and rearm_at must both be percentages or both be amounts")
        if self.rearm_at.value <= self.below.value:
            raise ValueError("rearm_at must be higher than below, else a balance that hovers nags")
        return self


class BalanceSettings(SendingHours):
    """Balance alerts. An empty block says low below 20 %, and expired, once each."""

    enabled: bool = Field(
        default=True, description="false stops the scan; alerts that OmniCRM enqueues still go."
    )
    schedule: Schedule = Field(
        default=read_timetable("1h"),
        description="When the scan runs: an interval, or minute hour day month weekday in worker.timezone.",
    )
    # An alert about today's balance is worth little tomorrow morning, but nobody wants one at night.
    quiet_hours: QuietHours | None = Field(
        default=QuietHours(), description="Local hours in which alerts wait; `quiet_hours: null` for none."
    )
    low: tuple[ThresholdBlock, ...] = Field(
        default=(ThresholdBlock(below=Level(value=Decimal(20), percent=True)),),
        description="Thresholds by type and plan; `low: []` for no low-balance alerts.",
    )
    low_kind: str = Field(default=LOW_KIND, description="The kind of e-mail for a low balance.")
    expired: bool = Field(default=True, description="Whether an expired balance is announced.")
    expired_kind: str = Field(default=EXPIRED_KIND, description="The kind of e-mail for an expired balance.")
    expired_within_days: int = Field(
        default=7, ge=1, description="What expired longer ago is no news any more and is not announced."
    )
    confirm_above: int = Field(
        default=200,
        ge=1,
        description="Where a change of thresholds or query makes more than this due at once, the scan stops "
        "and asks: `mailworker balances start`.",
    )
    cgrates: CgratesSettings = Field(
        default_factory=CgratesSettings, description="OmniCRM's charging engine, where balances are."
    )
    exclude_customers: tuple[CustomerId, ...] = Field(
        default=(), description="Customers' ids that get no balance alerts."
    )

    @model_validator(mode="after")
    def _one_line_each(self) -> "BalanceSettings":
        lines = [(one.type.casefold(), one.plan.casefold(), str(one.below)) for one in self.low]
        if len(set(lines)) < len(lines):
            raise ValueError("low has the same threshold twice for a type and plan; keep one of them")
        return self
