"""What a full balance holds: read from the Action that tops it up.

OmniCRM's manual: a product's Action is called `Action_` and its slug; playbooks run it. An Action is a list
of parts, of which `*topup` and `*topup_reset` name a balance and its value.
"""

import time
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from mailworker.crm.cgrates.account import number
from mailworker.crm.cgrates.client import CgratesClient
from mailworker.errors import BadInput, Misconfigured

#: Products change seldom; an answer is believed for so long, in seconds.
_KEPT = 3600.0
#: Parts of an Action that fill a balance.
TOP_UPS = {"*topup", "*topup_reset", "*set_balance"}

#: By type and ID of the balance.
Allowances = Mapping[tuple[str, str], Decimal]


class ProductAllowances:
    """Allowances by product, in the engine's units."""

    def __init__(self, client: CgratesClient, template: str) -> None:
        self._client = client
        self._template = template
        self._kept: dict[str, tuple[float, Allowances]] = {}

    def of(self, product: str) -> Allowances:
        """What this product's balances hold when full; empty where CGRateS does not give it."""
        if not product or "{product}" not in self._template:
            return {}
        at, found = self._kept.get(product, (-_KEPT, {}))
        if time.monotonic() - at < _KEPT:
            return found
        found = self._asked(self._template.replace("{product}", product))
        self._kept[product] = (time.monotonic(), found)
        return found

    def _asked(self, name: str) -> Allowances:
        try:
            parts = self._client.actions([name]).get(name)
        except Misconfigured:
            return {}  # an engine without this method, or a user without this right: the highest value counts
        return allowances_of(parts)


def allowances_of(parts: Any) -> Allowances:
    """The top-ups among an Action's parts; the largest of several for the same balance."""
    found: dict[tuple[str, str], Decimal] = {}
    for part in parts if isinstance(parts, list) else ():
        balance = part.get("Balance") if isinstance(part, Mapping) else None
        if not isinstance(balance, Mapping) or part.get("ActionType", part.get("Identifier")) not in TOP_UPS:
            continue
        value = balance.get("Value")
        try:
            holds = number(value.get("Static") if isinstance(value, Mapping) else value)
        except BadInput:
            continue
        key = str(balance.get("Type") or ""), str(balance.get("ID") or "")
        found[key] = max(holds, found.get(key, holds))
    return found
