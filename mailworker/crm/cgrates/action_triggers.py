"""What CGRateS is configured with so that it posts here: one Action, and triggers on the accounts.

Seen in CGRateS (apier/v1: SetActions, SetActionTrigger; apier/v2: SetAccount): a trigger fires where a value
is <= its threshold, once, and then stays `Executed` until it is reset.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from mailworker.config.balances import BalanceSettings, ThresholdBlock
from mailworker.config.cgrates import UNITS, CgratesSettings
from mailworker.crm.cgrates.allowances import Allowances

ACTION = "ACT_MAILWORKER"
GROUP = "MAILWORKER"
#: CGRateS rounds values to five places: so much less than a threshold is the next value below it.
_STEP = Decimal("0.00001")
_TYPES = tuple(name for name in UNITS if name != "*service")


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
