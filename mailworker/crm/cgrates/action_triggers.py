"""What CGRateS is configured with so that it posts here: one Action, triggers, and resets in the top-ups.

Seen in CGRateS (apier/v1: SetActions, SetActionTrigger, ResetAccountActionTriggers; apier/v2: SetAccount): a
trigger fires where a value is <= its threshold, once, and then stays `Executed` until it is reset; a top-up
does not reset it. So a top-up's Action needs a last part `*reset_triggers`. A part that is read by
GetActions is written by SetActions in other words; one that they cannot hold without loss is left to a
person.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from mailworker.config.balances import BalanceSettings, ThresholdBlock
from mailworker.config.cgrates import UNITS, CgratesSettings
from mailworker.crm.cgrates.allowances import TOP_UPS, Allowances

ACTION = "ACT_MAILWORKER"
GROUP = "MAILWORKER"
RESET = "*reset_triggers"
#: CGRateS rounds values to five places: so much less than a threshold is the next value below it.
_STEP = Decimal("0.00001")
_TYPES = tuple(name for name in UNITS if name != "*service")
#: What a balance of an Action's part may hold for its words in SetActions to be the same.
_PLAIN = frozenset({"Uuid", "ID", "Type", "Value", "ExpirationDate", "Weight", "Blocker", "Disabled"})


@dataclass(frozen=True, slots=True)
class EngineCall:
    """One call of setup, and what it is for."""

    method: str
    parameters: Mapping[str, Any] = field(repr=False)
    why: str


@dataclass(frozen=True, slots=True)
class Trigger:
    """A trigger to be: fires where a balance of this type (and ID, if any) is at or below `at`."""

    group: str
    name: str
    type: str
    balance: str
    at: Decimal
    kind: str = "*min_balance"


def action_call(url: str) -> EngineCall:
    """The Action that posts an account here."""
    part = {"Identifier": "*http_post_async", "ExtraParameters": url, "Weight": 10}
    given = {"ActionsId": ACTION, "Overwrite": True, "Actions": [part]}
    return EngineCall("APIerSv1.SetActions", given, "posts the account to mailworker")


def trigger_calls(triggers: Sequence[Trigger]) -> Iterator[EngineCall]:
    """The triggers, one call each."""
    for one in triggers:
        trigger: dict[str, Any] = {
            "ThresholdType": one.kind,
            "ThresholdValue": float(one.at),
            "Recurrent": False,
            "MinSleep": "0",
            "BalanceType": one.type,
            "ActionsID": ACTION,
            "Weight": 10,
        }
        if one.balance:
            trigger["BalanceID"] = one.balance
        given = {"GroupID": one.group, "UniqueID": one.name, "ActionTrigger": trigger}
        why = f"{one.type} {one.balance}".strip()
        yield EngineCall("APIerSv1.SetActionTrigger", given, f"fires for {why}")


def account_call(tenant: str, account: str, groups: Sequence[str]) -> EngineCall:
    """Hang the triggers on an account."""
    given = {
        "Tenant": tenant,
        "Account": account,
        "ActionTriggerIDs": list(groups),
        "ActionTriggerOverwrite": False,
        "ReloadScheduler": True,
    }
    return EngineCall("APIerSv2.SetAccount", given, "hangs the triggers on an account")


def triggers_of(settings: BalanceSettings, products: Mapping[str, Allowances]) -> list[Trigger]:
    """The triggers that the configured thresholds come to, those of products by what a full one holds."""
    found = [
        Trigger(GROUP, f"mailworker_expired_{type_.lstrip('*')}", type_, "", Decimal(0), "*balance_expired")
        for type_ in _TYPES
    ]
    for line in settings.low:
        for_products = line.below.percent or line.plan
        found += (
            _of_products(settings.cgrates, line, products)
            if for_products
            else _of_types(settings.cgrates, line)
        )
    return found


def groups_for(product: str, triggers: Sequence[Trigger]) -> list[str]:
    """The groups of triggers that an account of this product needs."""
    wanted = {GROUP, group_of(product)}
    return sorted({one.group for one in triggers} & wanted)


def group_of(product: str) -> str:
    """The group of a product's own triggers."""
    return f"{GROUP}_{product}" if product else GROUP


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


def _of_products(
    settings: CgratesSettings, line: ThresholdBlock, products: Mapping[str, Allowances]
) -> Iterator[Trigger]:
    for product, allowances in products.items():
        if line.plan and line.plan.casefold() != product.casefold():
            continue
        for (type_, balance), full in allowances.items():
            if _fits(settings, line, type_):
                at = full * line.below.value / 100 if line.below.percent else _in_unit(settings, line, type_)
                name = _name(type_, balance, line)
                yield Trigger(group_of(product), name, type_, balance, at - _step(type_))


def _of_types(settings: CgratesSettings, line: ThresholdBlock) -> Iterator[Trigger]:
    for type_ in _TYPES:
        if _fits(settings, line, type_):
            at = _in_unit(settings, line, type_) - _step(type_)
            yield Trigger(GROUP, _name(type_, "", line), type_, "", at)


def _in_unit(settings: CgratesSettings, line: ThresholdBlock, type_: str) -> Decimal:
    """The threshold in the engine's unit of this type."""
    return line.below.value * settings.unit_of(type_).divide


def _fits(settings: CgratesSettings, line: ThresholdBlock, type_: str) -> bool:
    declared = line.type.casefold()
    return declared in {"", type_.casefold(), settings.unit_of(type_).type.casefold()}


def _name(type_: str, balance: str, line: ThresholdBlock) -> str:
    where = f"{type_.lstrip('*')}_{balance}" if balance else type_.lstrip("*")
    return f"mailworker_low_{where}_{line.below}".replace(" ", "_").replace("%", "pct")


def _step(type_: str) -> Decimal:
    """`below` is below, and triggers fire at their value too; money has places, the rest is whole."""
    return _STEP if type_ in {"*monetary", "*generic"} else Decimal(1)


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
