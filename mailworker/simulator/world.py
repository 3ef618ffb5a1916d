"""Everything one running local Mailjet holds."""

import asyncio
from dataclasses import dataclass, field

from mailworker.simulator.callbacks import callback_table
from mailworker.simulator.campaigns import Campaigns
from mailworker.simulator.contact_book import ContactBook
from mailworker.simulator.contact_jobs import Jobs
from mailworker.simulator.delivery import outcome_of
from mailworker.simulator.faults import FaultBook
from mailworker.simulator.meter import CallMeter
from mailworker.simulator.outbox import EventOutbox
from mailworker.simulator.received import Outcome, ReceivedMail
from mailworker.simulator.settings import SimulatorSettings
from mailworker.simulator.shelf import TemplateShelf
from mailworker.simulator.store import Store
from mailworker.simulator.tables import Table


@dataclass(slots=True)
class World:
    """State and settings; `closing` is set when the server stops, so that calls which hang let go."""

    settings: SimulatorSettings
    store: Store
    meter: CallMeter
    shelf: TemplateShelf
    book: ContactBook
    jobs: Jobs
    campaigns: Campaigns = field(default_factory=Campaigns)
    callbacks: Table = field(default_factory=callback_table)
    faults: FaultBook = field(default_factory=FaultBook)
    outbox: EventOutbox = field(default_factory=EventOutbox)
    closing: asyncio.Event = field(default_factory=asyncio.Event)

    def outcome(self, mail: ReceivedMail) -> Outcome:
        """What became of a mail; the first look renders it."""
        return outcome_of(mail, self.shelf)

    def reset(self) -> None:
        """Begin again as after the start, with the same settings."""
        self.store.reset()
        self.faults.clear()
        self.outbox.clear()
        self.callbacks = callback_table()
        self.shelf = TemplateShelf(self.settings)
        self.book = ContactBook()
        self.jobs = Jobs(self.book, self.settings.job_seconds)
        self.campaigns = Campaigns()
        self.meter = CallMeter(self.settings.calls_per_minute)


def new_world(settings: SimulatorSettings) -> World:
    """A world in which nothing has happened yet."""
    store = Store(settings.keep_attachment_bytes)
    book = ContactBook()
    jobs = Jobs(book, settings.job_seconds)
    return World(settings, store, CallMeter(settings.calls_per_minute), TemplateShelf(settings), book, jobs)
