"""A top-up's Action with one more part, that the account's triggers fire again after it.

Seen in CGRateS (apier/v1: SetActions, ResetAccountActionTriggers): a trigger that fired stays `Executed`
until it is reset, and a top-up does not reset it. So a top-up's Action needs a last part `*reset_triggers`.
A part that is read by GetActions is written by SetActions in other words; one that they cannot hold without
loss is left to a person.
"""

import math
from collections.abc import Mapping
from typing import Any

from mailworker.crm.cgrates.action_triggers import EngineCall
from mailworker.crm.cgrates.allowances import TOP_UPS

RESET = "*reset_triggers"
#: What a balance of an Action's part may hold for its words in SetActions to be the same.
_PLAIN = frozenset({"Uuid", "ID", "Type", "Value", "ExpirationDate", "Weight", "Blocker", "Disabled"})


def reset_call(name: str, parts: Any) -> EngineCall | str | None:
    """The Action with resets at its end; None where it needs none, a sentence where a person must."""
    if not isinstance(parts, list) or not parts:
        return None
    topped_up = sorted({_balance_type(one) for one in parts if _kind(one) in TOP_UPS} - {""})
    reset = {_balance_type(one) for one in parts if _kind(one) == RESET}
    missing = [type_ for type_ in topped_up if type_ not in reset and "" not in reset]
    if not missing:
        return None
    written = [_part(one) for one in parts]
    if any(one is None for one in written):
        return (
            f"{name}: holds parts that cannot be copied without loss; add to it yourself, last: "
            + ", ".join(f'{{"Identifier": "{RESET}", "BalanceType": "{type_}"}}' for type_ in missing)
        )
    resets = [{"Identifier": RESET, "BalanceType": type_, "Weight": 0} for type_ in missing]
    given = {"ActionsId": name, "Overwrite": True, "Actions": [*written, *resets]}
    return EngineCall("APIerSv1.SetActions", given, f"{name} resets the triggers after its top-up")


def _kind(part: Any) -> str:
    return str(part.get("ActionType") or part.get("Identifier") or "") if isinstance(part, Mapping) else ""


def _balance_type(part: Any) -> str:
    balance = part.get("Balance") if isinstance(part, Mapping) else None
    inner = balance.get("Type") if isinstance(balance, Mapping) else None
    return str(inner or part.get("BalanceType") or "")


def _part(part: Any) -> dict[str, Any] | None:
    """A part in the words of SetActions; None where it has more than they can."""
    if not isinstance(part, Mapping):
        return None
    balance = part.get("Balance") or {}
    if not isinstance(balance, Mapping):
        return None
    more = {name for name, value in balance.items() if value not in (None, {}, [], "")} - _PLAIN
    value = balance.get("Value")
    dynamic = isinstance(value, Mapping) and any(value.get(name) for name in ("Method", "Params"))
    if more or dynamic or part.get("Filters") or part.get("Filter"):
        return None
    units = value.get("Static") if isinstance(value, Mapping) else value
    if not (units is None or _is_number(units)):
        return None
    found = {
        "Identifier": _kind(part),
        "BalanceId": balance.get("ID"),
        "BalanceUuid": balance.get("Uuid"),
        "BalanceType": balance.get("Type") or part.get("BalanceType"),
        "Units": None if units is None else float(units),
        "ExpiryTime": part.get("ExpirationString"),
        "BalanceWeight": balance.get("Weight"),
        "BalanceBlocker": _flag(balance.get("Blocker")),
        "BalanceDisabled": _flag(balance.get("Disabled")),
        "ExtraParameters": part.get("ExtraParameters"),
        "Weight": part.get("Weight"),
    }
    return {name: one for name, one in found.items() if one not in (None, "")}


def _is_number(value: Any) -> bool:
    """Whether this is a number, or the text of one: answers are read with their fractions as text."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return False
    try:
        return math.isfinite(float(value))
    except (ValueError, OverflowError):
        return False


def _flag(value: Any) -> str | None:
    return None if value is None else str(bool(value)).lower()
