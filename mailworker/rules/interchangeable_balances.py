"""Which balances stand in for each other, so that what a customer has left is summed over all of them.

Seen in CGRateS (engine/account.go): a use takes from all balances of its type that fit, the heaviest first
(`Balances.Sort`); it passes over what is disabled, expired or holds nothing (`getBalancesForPrefix`), and
never gets behind a blocker, be that empty (`debitCreditBalance`).
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import datetime
from decimal import Decimal

from mailworker.rules.balance_history import Reading, SeenBalance

#: The name that people see for a balance's own; empty where it has none.
ShownName = Callable[[str], str]


def usable(readings: Iterable[Reading], now: datetime) -> list[Reading]:
    """Those that a customer can use at this moment."""
    return [one for one in readings if not one.disabled and (one.expires_at is None or one.expires_at > now)]


def left(live: Iterable[Reading], shown_name: ShownName) -> dict[str, Decimal]:
    """What the customer has left where each of these balances is concerned, by UUID.

    That is the balance together with those of the same type, scope and shown name, up to the next blocker.
    """
    sorts: defaultdict[tuple[str, str, str], list[Reading]] = defaultdict(list)
    for one in live:
        sorts[one.type, one.scope, shown_name(one.name)].append(one)
    return {uuid: value for sort in sorts.values() for group in _groups(sort) for uuid, value in _sums(group)}


def is_replaced(gone: SeenBalance, live: Iterable[Reading], shown_name: ShownName) -> bool:
    """Whether an expired balance is no loss: it was renewed, or something is left that stands in for it.

    A balance that is gone does not show any more what it could be used for, so only one for any use does so.
    """
    others = [one for one in live if one.uuid != gone.uuid and one.type == gone.type]
    return any(
        one.name == gone.name
        or (one.value > 0 and not one.scope and shown_name(one.name) == shown_name(gone.name))
        for one in others
    )


def _groups(sort: Iterable[Reading]) -> Iterable[list[Reading]]:
    group: list[Reading] = []
    for one in sorted(sort, key=lambda one: -one.weight):
        group.append(one)
        if one.blocker:
            yield group
            group = []
    yield group


def _sums(group: list[Reading]) -> Iterable[tuple[str, Decimal]]:
    """Nothing is taken from one for what is owed on another; where all is owed, that is what is shown."""
    values = [one.value for one in group if one.value > 0] or [one.value for one in group]
    return [(one.uuid, sum(values, Decimal(0))) for one in group]
