"""The thresholds as profiles of CGRateS's ThresholdS: for all accounts of a tenant, with nothing to reset.

Seen in CGRateS 0.11 (engine/account.go, thresholds.go, filters.go, dynamicdp.go; apier/v1/thresholds.go):
each change of an account is an event `AccountUpdate` with every balance's `Initial` and `Value`, where
`rals.thresholds_conns` is set; `~*asm.BalanceSummaries.<ID>.Value` reads it, by a balance's ID only. The
Action of a profile that is not `Async` waits for a lock that the event's sender holds. Hits and `MinSleep`
are counted over all accounts together. In version 0.10 this event has no balances.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from mailworker.crm.cgrates.action_triggers import ACTION, GROUP, EngineCall, Trigger
from mailworker.crm.cgrates.client import texts

_UPDATES = "*string:~*opts.*eventType:AccountUpdate"
#: These divide a filter's parts, and the steps of a path in it.
_DIVIDERS = re.compile(r"[:;.|<>\[\]]")


def profile_triggers(triggers: Iterable[Trigger], ids: Mapping[str, Iterable[str]]) -> list[Trigger]:
    """The triggers that can be profiles, each of one balance; one for a type becomes one for each of `ids`.

    Their names hold all that they are, so that a changed configuration makes others.
    """
    found: dict[str, Trigger] = {}
    for one in triggers:
        if one.kind != "*min_balance":
            continue  # nothing happens in CGRateS at an expiry: the scan finds it
        for balance in [one.balance] if one.balance else sorted(ids.get(one.type, ())):
            name = f"{GROUP}_{one.type.lstrip('*')}_{balance}_{one.at:f}".replace(" ", "_")
            found[name] = replace(one, name=name, balance=balance)
    return list(found.values())


def uncovered(triggers: Iterable[Trigger], ids: Mapping[str, Iterable[str]]) -> Iterator[str]:
    """A sentence for each type of balance of which no ID is known, so that no profile can name it."""
    for type_ in sorted({one.type for one in triggers if one.kind == "*min_balance" and not one.balance}):
        if not ids.get(type_):
            yield (
                f"{type_}: a profile needs the balances' IDs, and no product's Action has one of this type; "
                "the scan alone finds it low."
            )


def profile_call(tenant: str, trigger: Trigger) -> EngineCall | str:
    """The profile that posts when a balance gets down to its threshold; a sentence where none can name it."""
    if _DIVIDERS.search(trigger.balance):
        return f"{trigger.balance}: a filter cannot name this balance, because of its : ; . | or brackets."
    given = {
        "Tenant": tenant,
        "ID": trigger.name,
        "FilterIDs": filters_of(trigger),
        "MaxHits": -1,
        "MinHits": 1,
        "Weight": 10,
        "ActionIDs": [ACTION],
        "Async": True,
    }
    return EngineCall("APIerSv1.SetThresholdProfile", given, f"fires for {trigger.type} {trigger.balance}")


def filters_of(trigger: Trigger) -> list[str]:
    """Down to the threshold by this change, above it before: once for each crossing, not at each debit."""
    path = f"~*asm.BalanceSummaries.{trigger.balance}"
    at = f"{trigger.at:f}"
    return [_UPDATES, f"*lte:{path}.Value:{at}", f"*gt:{path}.Initial:{at}"]


def profile_faults(profiles: Mapping[str, Any], wanted: Sequence[Trigger]) -> list[str]:
    """What is wrong with the profiles that CGRateS has, by their IDs."""
    missing = [one.name for one in wanted if one.name not in profiles]
    wrong = [one.name for one in wanted if one.name in profiles and not _fits(profiles[one.name], one)]
    cure = "run `mailworker cgrates setup --thresholds --apply`"
    return [
        f"CGRateS {word} {len(names)} threshold profiles, the first is {names[0]}: {cure}."
        for word, names in (("lacks", missing), ("has in another form", wrong))
        if names
    ]


def _fits(profile: Any, wanted: Trigger) -> bool:
    if not isinstance(profile, Mapping):
        return False
    return (
        sorted(texts(profile.get("FilterIDs"))) == sorted(filters_of(wanted))
        and ACTION in texts(profile.get("ActionIDs"))
        and profile.get("MaxHits") == -1
        and profile.get("Async") is True
        and not profile.get("MinSleep")
    )
