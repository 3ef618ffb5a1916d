"""Kinds of e-mail that other sections name: do they exist, and can a scan fill in those that it writes?

Looked up in the file's plain data, so that these faults are reported together with all others.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from mailworker.config.builtin_kinds import KINDS
from mailworker.config.kind_block import PREFIX
from mailworker.config.yaml_document import Document, Path, dotted
from mailworker.core.did_you_mean import did_you_mean

#: What a scan can print in a mail. docs/reminders.md lists it too.
REMINDER_VARIABLES = frozenset(
    {"customer_name", "invoice_number", "due_date", "days_overdue", "total_amount", "pay_url", "invoice_url"}
    | {"days_left", "last", "part_paid", "instalment", "invoices", "invoice_count", "account_url"}
)
_BALANCE = frozenset({"customer_name", "service_name", "balance_type"})
LOW_VARIABLES = _BALANCE | {"current_balance", "threshold", "topup_url"}
EXPIRED_VARIABLES = _BALANCE | {"expiry_date", "renewal_url"}


def dangling(document: Document) -> list[str]:
    """A sentence for each kind that is named and is none, or that asks for what no scan knows."""
    own = _own_kinds(document.data)
    return [
        f"{document.place(path)}: {dotted(path)}: {fault}"
        for path, name, offered in _named(document.data)
        if (fault := _fault(name, own, offered))
    ]


def _fault(name: str, own: Mapping[str, Any], offered: frozenset[str] | None) -> str | None:
    if name not in own and name not in KINDS:
        hint = did_you_mean(name, sorted({*own, *KINDS})) or "; add it under mailjet."
        return f"there is no kind {name!r}{hint}"
    if offered is None:
        return None
    listed = own[name].get("variables") if isinstance(own.get(name), dict) else None
    if isinstance(listed, list):
        needed = set(filter(None, map(_required, listed)))
    else:
        needed = set(KINDS[name].required) if name in KINDS else set()
    unknown = sorted(needed - offered)
    return f"{name} needs {', '.join(unknown)}, which a scan cannot know." if unknown else None


def _required(variable: Any) -> str | None:
    """The name of a variable that must be filled; None for one that need not."""
    if isinstance(variable, dict):
        return None if variable.get("required") is False else str(variable.get("name"))
    return str(variable)


def _own_kinds(data: Mapping[str, Any]) -> dict[str, Any]:
    mailjet = data.get("mailjet")
    blocks = mailjet if isinstance(mailjet, dict) else {}
    return {name: block for name, block in blocks.items() if str(name).startswith(PREFIX)}


def _named(data: Mapping[str, Any]) -> Iterator[tuple[Path, str, frozenset[str] | None]]:
    """Where a kind is named, and what a scan can print in it; None where no scan writes it."""
    reminders, balances = (_section(data, name) for name in ("reminders", "balances"))
    references: list[tuple[Path, Any, frozenset[str] | None]] = [
        (("reminders", "kind"), reminders.get("kind"), REMINDER_VARIABLES),
        (("balances", "low_kind"), balances.get("low_kind"), LOW_VARIABLES),
        (("balances", "expired_kind"), balances.get("expired_kind"), EXPIRED_VARIABLES),
    ]
    kinds = _section(_section(data, "callbacks"), "kinds")
    references += [(("callbacks", "kinds", name), name, None) for name in kinds]
    steps = reminders.get("steps")
    for index, step in enumerate(steps if isinstance(steps, list) else ()):
        if isinstance(step, dict):
            references.append((("reminders", "steps", index, "kind"), step.get("kind"), REMINDER_VARIABLES))
    for path, name, offered in references:
        if isinstance(name, str) and name:
            yield path, name, offered


def _section(data: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = data.get(name)
    return found if isinstance(found, dict) else {}
