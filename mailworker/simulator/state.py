"""Everything one running local Mailjet holds."""

import asyncio
from dataclasses import dataclass, field

from mailworker.simulator.assumptions import Assumption
from mailworker.simulator.calls_per_minute import CallMeter
from mailworker.simulator.campaign_drafts import Campaigns
from mailworker.simulator.contact_imports import SimulatedImports
from mailworker.simulator.contact_store import ContactStore
from mailworker.simulator.event_urls import callback_table
from mailworker.simulator.faults import FaultRules
from mailworker.simulator.mail_outcome import outcome_of
from mailworker.simulator.received_mail import Outcome, ReceivedMail
from mailworker.simulator.received_store import Store
from mailworker.simulator.rest_tables import Table
from mailworker.simulator.sender_table import sender_table
from mailworker.simulator.settings import SimulatorSettings
from mailworker.simulator.template_store import TemplateStore
from mailworker.simulator.waiting_events import EventOutbox


@dataclass(slots=True)
class SimulatorState:
    """State and settings; `closing` is set when the server stops, so that calls which hang let go."""

    settings: SimulatorSettings
    store: Store
    meter: CallMeter
    templates: TemplateStore
    contacts: ContactStore
    jobs: SimulatedImports
    campaigns: Campaigns = field(default_factory=Campaigns)
    callbacks: Table = field(default_factory=callback_table)
    senders: Table = field(default_factory=sender_table)
    faults: FaultRules = field(default_factory=FaultRules)
    outbox: EventOutbox = field(default_factory=EventOutbox)
    closing: asyncio.Event = field(default_factory=asyncio.Event)

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
        self.callbacks = callback_table()
        self.senders = sender_table()
        self.templates = TemplateStore(self.settings)
        self.contacts = _contact_store(self.settings)
        self.jobs = SimulatedImports(self.contacts, self.settings.job_seconds)
        self.campaigns = Campaigns()
        self.meter = CallMeter(self.settings.calls_per_minute)


def _contact_store(settings: SimulatorSettings) -> ContactStore:
    return ContactStore(keeps_case=Assumption.KEEPS_PROPERTY_CASE in settings.assume)


def new_state(settings: SimulatorSettings) -> SimulatorState:
    """A world in which nothing has happened yet."""
    store = Store(settings.keep_attachment_bytes)
    contacts = _contact_store(settings)
    jobs = SimulatedImports(contacts, settings.job_seconds)
    return SimulatorState(
        settings, store, CallMeter(settings.calls_per_minute), TemplateStore(settings), contacts, jobs
    )
