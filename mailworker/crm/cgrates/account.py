"""An account as CGRateS writes it: Go's JSON, with its numbers and its times.

Seen in CGRateS (engine/account.go, engine/balances.go): `ID` is `tenant:account`; `BalanceMap` has a list of
balances for each type, or null; a `Value` is a float and may be written 1e+21; a time has up to nine decimals
and an offset, and the first moment of year 1 means never. Values are rounded to five places, as CGRateS does
(`rounding_decimals`).
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from mailworker.errors import BadInput

#: What narrows down for which use a balance may be taken. Seen in CGRateS (engine/balances.go).
_NARROWED_BY = ("Categories", "DestinationIDs", "RatingSubject", "SharedGroups", "TimingIDs", "Timings")
_TIME = re.compile(r"(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?(Z|[+-]\d{2}:\d{2})")
_PLACES = Decimal("0.00001")
#: Above this nothing has a meaning that people could be shown.
_LARGEST = Decimal("1e30")


@dataclass(frozen=True, slots=True)
class EngineBalance:
    """One balance of an account, in the engine's own unit.

    `scope` is for which use it may be taken, empty for any: one of the same type and scope stands in for it.
    """

    uuid: str
    type: str
    name: str
    value: Decimal
    expires_at: datetime | None = None
    scope: str = ""
    weight: Decimal = Decimal(0)
    blocker: bool = False
    disabled: bool = False


@dataclass(frozen=True, slots=True)
class Account:
    """An account and its balances."""

    tenant: str
    name: str
    disabled: bool
    balances: tuple[EngineBalance, ...]


def read_account(raw: Any) -> Account:
    """An account of the engine's. Raises BadInput; its sentences name fields, never what is in them."""
    if not isinstance(raw, Mapping) or not isinstance(raw.get("ID"), str):
        raise BadInput("account: has no ID of the form tenant:account.")
    tenant, colon, name = raw["ID"].partition(":")
    if not colon or not tenant or not name:
        raise BadInput("account: its ID is not of the form tenant:account.")
    groups = raw.get("BalanceMap") or {}
    if not isinstance(groups, Mapping):
        raise BadInput("account: BalanceMap is no object.")
    return Account(tenant, name, raw.get("Disabled") is True, tuple(_balances(groups)))


def _balances(groups: Mapping[str, Any]) -> Iterator[EngineBalance]:
    for type_, group in groups.items():
        if group is not None and not isinstance(group, list):
            raise BadInput(f"account: BalanceMap.{type_} is no list.")
        for raw in group or ():
            if not isinstance(raw, Mapping):
                raise BadInput(f"account: BalanceMap.{type_} holds something that is no balance.")
            yield _balance(str(type_), raw)


def _balance(type_: str, raw: Mapping[str, Any]) -> EngineBalance:
    uuid = raw.get("Uuid")
    if not isinstance(uuid, str) or not uuid:
        raise BadInput(f"account: a balance of type {type_} has no Uuid.")
    return EngineBalance(
        uuid=uuid,
        type=type_,
        name=str(raw.get("ID") or ""),
        value=number(raw.get("Value")),
        expires_at=moment(raw.get("ExpirationDate")),
        scope=_scope(raw),
        weight=number(raw.get("Weight") or 0),
        blocker=raw.get("Blocker") is True,
        disabled=raw.get("Disabled") is True,
    )


def _scope(raw: Mapping[str, Any]) -> str:
    narrowed = {name: raw[name] for name in _NARROWED_BY if raw.get(name)}
    destinations = narrowed.get("DestinationIDs")
    if isinstance(destinations, Mapping) and destinations.get("*any") is True:
        del narrowed["DestinationIDs"]
    return json.dumps(narrowed, sort_keys=True, default=str) if narrowed else ""


def number(raw: Any) -> Decimal:
    """Go's number, exactly as it was written, rounded to five places. Raises BadInput."""
    if isinstance(raw, bool) or not isinstance(raw, int | Decimal | str):
        raise BadInput("account: a Value is no number.")
    try:
        found = Decimal(raw)
        if not found.is_finite() or abs(found) > _LARGEST:
            raise BadInput("account: a Value is not finite, or larger than any balance.")
        return found.quantize(_PLACES) if abs(found) < Decimal("1e20") else found
    except InvalidOperation:
        raise BadInput("account: a Value is no number.") from None


def moment(raw: Any) -> datetime | None:
    """Go's time in UTC, to the microsecond; None where it means never. Raises BadInput."""
    if raw is None or raw == "":
        return None
    match = _TIME.fullmatch(raw) if isinstance(raw, str) else None
    if match is None:
        raise BadInput("account: a time is not like 2026-12-01T00:00:00Z.")
    if match[1].startswith(("0001-", "9999-")):  # the zero of Go's, and the end of everybody's calendar
        return None
    fraction = (match[2] or "").ljust(6, "0")[:6]
    zone = "+00:00" if match[3] == "Z" else match[3]
    try:
        return datetime.fromisoformat(f"{match[1]}.{fraction}{zone}").astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadInput("account: a time is not like 2026-12-01T00:00:00Z.") from None
