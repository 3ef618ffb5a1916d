"""Everything one running local Mailjet holds."""

import asyncio
from collections.abc import Mapping
from typing import Any

from mailworker.simulator.assumptions import Assumption
from mailworker.simulator.calls_per_minute import CallMeter
from mailworker.simulator.campaign_drafts import Campaigns
from mailworker.simulator.contact_imports import SimulatedImports
from mailworker.simulator.contact_store import ContactStore
from mailworker.simulator.event_urls import callback_table
from mailworker.simulator.fault_rules import FaultRules
from mailworker.simulator.mail_outcome import outcome_of
from mailworker.simulator.received_mail import Outcome, ReceivedMail
from mailworker.simulator.received_store import Store
from mailworker.simulator.rest_tables import Table
from mailworker.simulator.settings import SimulatorSettings
from mailworker.simulator.template_store import TemplateStore
from mailworker.simulator.waiting_events import EventOutbox

_FIRST_SENDER = 46001
_SENDER_FIELDS: Mapping[str, Any] = {
    "CreatedAt": "",
    "DNSID": 0,
    "Email": "",
    "EmailType": "unknown",
    "Filename": "",
    "IsDefaultSender": False,
    "Name": "",
    "Status": "Inactive",
}


class SimulatorState:
    """State and settings; `closing` is set when the server stops, so that calls which hang let go."""

    def __init__(self, settings: SimulatorSettings) -> None:
        self.settings = settings
        self.store = Store(settings.keep_attachment_bytes)
        self.faults = FaultRules()
        self.outbox = EventOutbox()
        self.closing = asyncio.Event()
        self._begin()

    @property
    def active_senders(self) -> tuple[str, ...]:
        """Who may send: the settings' and those validated since; nobody named means anybody."""
        validated = [row["Email"] for row in self.senders.rows.values() if row["Status"] == "Active"]
        return (*self.settings.senders, *validated) if self.settings.senders else ()

    def outcome(self, mail: ReceivedMail) -> Outcome:
        """What became of a mail; the first look renders it."""
        return outcome_of(mail, self.templates)

    def reset(self) -> None:
        """Begin again as after the start, with the same settings."""
        self.store.reset()
        self.faults.clear()
        self.outbox.clear()
        self._begin()

    def _begin(self) -> None:
        settings = self.settings
        self.callbacks = callback_table()
        self.senders = Table("Sender", ("Email",), _SENDER_FIELDS, _FIRST_SENDER, ("Email",))
        self.templates = TemplateStore(settings)
        self.contacts = ContactStore(keeps_case=Assumption.KEEPS_PROPERTY_CASE in settings.assume)
        self.jobs = SimulatedImports(self.contacts, settings.job_seconds)
        self.campaigns = Campaigns()
        self.meter = CallMeter(settings.calls_per_minute)
