"""From what the operator configured to what the rules ask for."""

from datetime import date, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from mailworker.config.balances import BalanceSettings
from mailworker.config.balances import ThresholdBlock as ThresholdLine
from mailworker.config.reminders import ReminderSettings
from mailworker.config.sending_hours import WEEKDAYS, SendingHours
from mailworker.rules.balance_thresholds import BalanceRules, Threshold
from mailworker.rules.business_days import OpenDays
from mailworker.rules.quiet_hours import Hours, Quiet
from mailworker.rules.reminder_ladder import Ladder, Step

#: Where no `rearm_at` is given, a top-up must reach half as much again as the threshold.
_REARM = Decimal("1.5")


def ladder_of(settings: ReminderSettings) -> Ladder:
    """The reminder ladder."""
    return Ladder(
        steps=tuple(Step(step.days, step.kind or settings.kind) for step in settings.steps),
        end_after_days=settings.end_after_days,
        days_between=settings.days_between,
        minimum_amounts=dict(settings.minimum_amounts),
        part_payment_grace_days=settings.partial_payment_grace_days,
        skip_disputed=settings.exclude.disputed,
        skip_direct_debit=settings.exclude.direct_debit,
        excluded_customers=frozenset(settings.exclude.customers),
        start=settings.start_date,
    )


def hours_of(settings: SendingHours, zone: ZoneInfo) -> Hours:
    """When customers are written to; `zone` is the operator's (`worker.timezone`)."""
    quiet = settings.quiet_hours
    single = {day for day in settings.holidays if isinstance(day, date)}
    named = [day for day in settings.holidays if isinstance(day, str)]
    yearly = {day for day in named if day[0].isdecimal()}
    return Hours(
        zone=zone,
        quiet=Quiet(quiet.start, quiet.end) if quiet else None,
        days=OpenDays(
            weekdays=frozenset(WEEKDAYS.index(day) for day in settings.weekdays),
            holidays=frozenset(single),
            yearly=frozenset((int(day[:2]), int(day[3:])) for day in yearly),
            regions=tuple(day for day in named if day not in yearly),
        ),
    )


def balance_rules_of(settings: BalanceSettings) -> BalanceRules:
    """When a balance leads to an alert."""
    return BalanceRules(
        thresholds=tuple(_threshold(line) for line in settings.low),
        announce_expired=settings.expired,
        expired_within=timedelta(days=settings.expired_within_days),
        excluded_customers=frozenset(settings.exclude_customers),
    )


def _threshold(line: ThresholdLine) -> Threshold:
    rearm = line.rearm_at.value if line.rearm_at else line.below.value * _REARM
    return Threshold(
        below=line.below.value,
        # No balance holds more than all of its allowance.
        rearm_at=min(rearm, Decimal(100)) if line.below.percent and not line.rearm_at else rearm,
        percent=line.below.percent,
        balance_type=line.type,
        plan=line.plan,
    )
