"""Imports of many contacts: jobs that walk through Mailjet's stages and then take effect."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from mailworker.simulator.contact_store import ContactStore, address_fault

_STAGES = ("Allocated", "Upload", "Prepare", "Importing")
_FIRST_JOB = 35801


@dataclass(slots=True)
class SimulatedImport:
    """One import. It takes effect at `ends_at`; `errors` are then known, and the contacts are let go."""

    number: int
    contacts: Sequence[Mapping[str, Any]]
    actions: Sequence[tuple[int, str]]
    starts_at: datetime
    ends_at: datetime
    count: int
    done: bool = False
    errors: list[dict[str, Any]] = field(default_factory=list)

    def status(self, now: datetime) -> str:
        """The stage at this moment."""
        if self.done:
            return "Completed"
        length = (self.ends_at - self.starts_at).total_seconds() or 1.0
        passed = (now - self.starts_at).total_seconds() / length
        return _STAGES[min(int(passed * len(_STAGES)), len(_STAGES) - 1)]


class SimulatedImports:
    """All imports; `settle` lets those take effect whose time has come."""

    def __init__(self, contacts: ContactStore, seconds: float) -> None:
        self.all: dict[int, SimulatedImport] = {}
        self._open: dict[int, SimulatedImport] = {}
        self._contacts = contacts
        self._seconds = seconds

    def start(
        self, contacts: Sequence[Any], actions: Sequence[tuple[int, str]], now: datetime
    ) -> SimulatedImport:
        """A new import."""
        number = _FIRST_JOB + len(self.all)
        end = now + timedelta(seconds=self._seconds)
        self.all[number] = self._open[number] = SimulatedImport(
            number, contacts, actions, now, end, len(contacts)
        )
        return self.all[number]

    def finish_due(self, now: datetime) -> None:
        """Carry out every import that should be complete by now."""
        for job in [one for one in self._open.values() if one.ends_at <= now]:
            job.done = True
            job.errors = [error for one in job.contacts if (error := self._take(one, job, now))]
            job.contacts = ()
            del self._open[job.number]

    def _take(self, given: Mapping[str, Any], job: SimulatedImport, now: datetime) -> dict[str, Any] | None:
        """Import one contact, or give why not. The shape of an entry in Mailjet's file is a stand-in."""
        properties = given.get("Properties") or {}
        if not isinstance(properties, dict):
            return {"Email": given.get("Email"), "Error": "Properties is not an object"}
        fault: Any = address_fault(given.get("Email")) or self._contacts.property_faults(properties)
        if fault:
            return {"Email": given.get("Email"), "Error": fault}
        contact = self._contacts.ensure(str(given["Email"]), str(given.get("Name") or ""), now)
        if "IsExcludedFromCampaigns" in given:
            contact.excluded = bool(given["IsExcludedFromCampaigns"])
        self._contacts.set_properties(contact, properties, now)
        for list_id, action in job.actions:
            self._contacts.act(contact, list_id, action, now)
        return None
