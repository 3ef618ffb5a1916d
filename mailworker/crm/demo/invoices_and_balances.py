"""Invoices and balances in every situation that a scan can meet."""

import random
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta

from mailworker.crm.demo.people import DemoPerson
from mailworker.crm.demo.plans_and_prices import BALANCES, PLANS

#: Days since the due date, so that each step of the usual ladder has its invoices today.
_AGES = (-20, -3, -3, -1, 0, 1, 1, 5, 7, 7, 14, 14, 20, 30, 30, 75)
_PAYMENT_TERM = timedelta(days=20)
_MONTH = timedelta(days=30)


def invoices(
    person: DemoPerson, dice: random.Random, today: date, how_many: int
) -> Iterator[tuple[object, ...]]:
    """The newest invoices of a customer, each in a state of its own."""
    plan, cents, _ = dice.choice([plan for plan in PLANS if plan[2] == person.firm])
    age = dice.choice(_AGES)
    for month in range(how_many):
        due = today - timedelta(days=age) - month * _MONTH
        number = person.number * 100 + month
        state, paid, paid_on, debit = _situation(dice, cents, due, today, old=month > 0)
        issued = due - _PAYMENT_TERM
        yield (
            number, person.number, f"FA-{issued.year}-{number:07d}", plan, str(issued), str(due), "EUR",
            cents, paid, paid_on, state, debit,
        )  # fmt: skip


def reopened(row: tuple[object, ...]) -> tuple[object, ...]:
    """The same invoice, as if nothing had been paid."""
    return (*row[:8], 0, None, "due", 0)


def _situation(
    dice: random.Random, cents: int, due: date, today: date, *, old: bool
) -> tuple[str, int, str | None, int]:
    """State, cents paid, when, and whether a direct debit is under way."""
    roll = dice.random()
    paid_on = str(min(today, due))
    if roll < (0.8 if old else 0.25):
        return "paid", cents, paid_on, 0
    if roll > 0.97:
        return "void", 0, None, 0
    if roll > 0.94:
        return "disputed", 0, None, 0
    if roll > 0.89:
        return "due", cents // 2, str(today - timedelta(days=dice.randrange(1, 15))), 0
    return "due", 0, None, int(roll > 0.84)


def balances(person: DemoPerson, dice: random.Random, today: date) -> Iterator[tuple[object, ...]]:
    """None for firms; for others one or two, full, low, hovering after a top-up, or just expired."""
    if person.firm:
        return
    for n, (kind, service, unit, allowance) in enumerate(dice.sample(BALANCES, dice.randrange(1, 3))):
        start = today - timedelta(days=dice.randrange(1, 30))
        share = dice.choice((2, 8, 15, 18, 22, 40, 60, 85, 100))
        expired = dice.random() < 0.12
        # Yesterday at the latest, or the rest of the month from its first day on.
        ends = today - timedelta(days=dice.randrange(1, 5)) if expired else start + _MONTH
        topped = dice.random() < 0.2 and not expired
        topped_at = str(datetime.combine(today - timedelta(days=1), time(10))) if topped else None
        yield (
            person.number * 10 + n, person.number, kind, service, unit, f"{allowance * share / 100:.2f}",
            str(allowance), _midnight(min(start, ends)), _midnight(ends), topped_at,
            f"{allowance * max(share, dice.choice((25, 70))) / 100:.2f}" if topped else None,
        )  # fmt: skip


def _midnight(day: date) -> str:
    return str(datetime.combine(day, time(0)))
