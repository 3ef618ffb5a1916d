"""From what a scan decided to the row that the ledger takes: address, language, variables, all checked."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any

from mailworker.config.settings import Settings
from mailworker.core.kind import Kind
from mailworker.core.language_tag import base_language
from mailworker.core.message import Address, Job
from mailworker.core.safe_text import one_line
from mailworker.errors import BadInput, Misconfigured
from mailworker.rules.job.addresses import read_address
from mailworker.rules.job.check_variables import MAX_TEXT, check_variables
from mailworker.rules.job.idempotency_key import message_id
from mailworker.rules.quiet_hours import Hours, open_until
from mailworker.scans.rules_from_settings import hours_of

#: Writes a checked job as the ledger's row.
RowOf = Callable[[Job, datetime], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Draft:
    """A mail to be written. `about` names its invoice or balance in sentences for staff.

    A kind's lifetime counts the `hours` in which such mail may leave, in the customer's `timezone`.
    """

    key: str
    kind: str
    about: str
    email: str = field(repr=False)
    name: str = field(repr=False)
    language: str
    customer_id: str
    not_before: datetime
    hours: Hours
    timezone: str = ""
    variables: Mapping[str, Any] = field(default_factory=dict, repr=False)


class MessageDrafts:
    """Writes drafts out as rows."""

    def __init__(self, settings: Settings, row_of: RowOf) -> None:
        self._kinds = settings.kinds
        self._settings = settings
        self.portal_url = settings.reminders.portal_url
        self.reminder_hours = hours_of(settings.reminders, settings.worker.timezone)
        self._row_of = row_of

    def kind(self, name: str) -> Kind:
        """The kind of that name. Raises Misconfigured where there is none."""
        if name not in self._kinds:
            raise Misconfigured(f"{name} is not in the configuration; add it under mailjet, or name another.")
        return self._kinds[name]

    def language(self, customers: str, kind: str) -> str:
        """The customer's language where this kind has a template for it, else the operator's."""
        return language_for(self._settings, customers, kind)

    def row(self, draft: Draft, *, now: datetime) -> dict[str, Any]:
        """The ledger's row, with those variables that the kind has.

        Raises BadInput, with a sentence for each thing that keeps the mail from being written.
        """
        faults: list[str] = []
        kind = self.kind(draft.kind)
        to = read_address({"email": draft.email, "name": draft.name}, "customer", faults)
        variables = fitting(kind, draft.variables, faults)
        _warn_changed(draft, to, variables)
        if faults or to is None:
            raise BadInput([f"{draft.about}: {fault}" for fault in faults])
        job = Job(
            id=message_id(draft.key),
            key=draft.key,
            kind=kind.name,
            lane=kind.lane,
            to=to,
            variables=variables,
            language=draft.language,
            customer_id=draft.customer_id[:64],
            send_at=draft.not_before,
            expires_at=_expiry(draft, kind),
        )
        return self._row_of(job, now)


def _expiry(draft: Draft, kind: Kind) -> datetime | None:
    if kind.lifetime is None:
        return None
    return open_until(draft.not_before, kind.lifetime, draft.hours, draft.timezone)


def language_for(settings: Settings, reader: str, kind: str) -> str:
    """The reader's language where this kind has a template for it, else the operator's (logged once)."""
    block = settings.mailjet.blocks.get(kind)
    own = block.language_for(reader, settings.worker.fallback_languages) if block else ""
    used = own or settings.worker.language
    if reader and base_language(reader) != base_language(used):
        _warn_no_template(kind, base_language(reader) or "unreadable", used)
    return used


def _warn_changed(draft: Draft, to: Address | None, variables: Mapping[str, Any]) -> None:
    """Warn once of each invoice or balance whose text the CRM gave as no mail can carry it."""
    changed = [name for name, fit in variables.items() if _is_changed(draft.variables.get(name), fit)]
    if to is not None and _is_changed(draft.name, to.name):
        changed.append("name")
    if changed:
        _warn_fitted(draft.about, ", ".join(changed))


def _is_changed(before: Any, after: Any) -> bool:
    return isinstance(before, str) and before.strip() != after


@lru_cache(maxsize=2_000)
def _warn_fitted(about: str, fields: str) -> None:
    _warn("text of the CRM made fit for a mail", about=about, fields=fields)


@lru_cache(maxsize=500)
def _warn_no_template(kind: str, language: str, used: str) -> None:
    _warn("no template in the reader's language", kind=kind, language=language, used=used)


def _warn(event: str, **facts: str) -> None:
    from mailworker.observability.logs import get_log  # noqa: PLC0415 - slow to load, and seldom needed

    get_log(__name__).warning(event, **facts)


def fitting(kind: Kind, values: Mapping[str, Any], faults: list[str]) -> dict[str, Any]:
    """Of these values those that the kind prints; adds a fault for each that is missing or wrong."""
    names = {variable.name for variable in kind.variables if not variable.derived}
    fit = {name: _fit(it) for name, it in values.items() if name in names}
    return check_variables(kind, fit, faults)


def _fit(value: Any) -> Any:
    """A CRM's text, on one line: a name with a line break in it is still a name."""
    return one_line(value, MAX_TEXT) if isinstance(value, str) else value
