"""What is kept of a job that was refused: its faults, and its fields' names, never its values."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mailworker.core.json_check import printable_name, storable
from mailworker.core.kind import Kind
from mailworker.errors import BadInput, IdempotencyConflict
from mailworker.rules.job.expected_message_ids import named_ids


@dataclass(frozen=True, slots=True)
class Rejection:
    """A job that could not become a message, kept so that a person finds it."""

    source: str
    faults: tuple[str, ...]
    job: Mapping[str, Any] | None
    entry_id: str | None = None


def rejected_row(rejection: Rejection, kinds: Mapping[str, Kind], now: datetime) -> dict[str, Any]:
    """Its row in the ledger."""
    job: dict[str, Any] = storable(dict(rejection.job or {}))
    ids: list[Any] = [*named_ids(job, kinds), job.get("id")]
    return {
        "at": now,
        "source": rejection.source,
        "entry_id": rejection.entry_id,
        "kind": _known_kind(job, kinds),
        "message_id": _readable(ids[0], 36),
        "faults": list(rejection.faults),
        "payload": field_names(job) or None,
    }


def _known_kind(job: Mapping[str, Any], kinds: Mapping[str, Kind]) -> str | None:
    """The kind, where it is one: whatever else stands there may be a person's."""
    kind = job.get("kind")
    if kind is None:
        return None
    return kind if isinstance(kind, str) and kind in kinds else printable_name(kind)


def field_names(job: Mapping[str, Any]) -> dict[str, list[str]]:
    """What a refused job had, by name alone: its values may be secret, and are nobody's any more."""
    variables = job.get("variables")
    named = {"fields": job, "variables": variables if isinstance(variables, Mapping) else {}}
    return {part: sorted(printable_name(name) for name in names) for part, names in named.items() if names}


def _readable(value: Any, longest: int) -> str | None:
    """Text that both databases take, whatever the caller wrote."""
    if value is None:
        return None
    return "".join(character if character.isprintable() else "?" for character in str(value)[:longest])


def rejection_of(fault: BadInput | IdempotencyConflict, job: Any, *, source: str, entry_id: str) -> Rejection:
    """What to keep of a job that was refused."""
    faults = fault.faults if isinstance(fault, BadInput) else (str(fault),)
    return Rejection(source, faults, job if isinstance(job, Mapping) else None, entry_id)
