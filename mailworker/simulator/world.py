"""Everything one running local Mailjet holds."""

import asyncio
from dataclasses import dataclass, field

from mailworker.simulator.faults import FaultBook
from mailworker.simulator.meter import CallMeter
from mailworker.simulator.send_errors import SendError, template_unknown
from mailworker.simulator.settings import SimulatorSettings
from mailworker.simulator.store import Store


@dataclass(slots=True)
class World:
    """State and settings; `closing` is set when the server stops, so that calls which hang let go."""

    settings: SimulatorSettings
    store: Store
    meter: CallMeter
    faults: FaultBook = field(default_factory=FaultBook)
    closing: asyncio.Event = field(default_factory=asyncio.Event)

    def template_error(self, number: int) -> SendError | None:
        """What hinders sending with this template id."""
        known = number in self.settings.templates or not self.settings.strict_templates
        return None if known and number > 0 else template_unknown(number)

    def reset(self) -> None:
        """Begin again as after the start, with the same settings."""
        self.store.reset()
        self.faults.clear()
        self.meter = CallMeter(self.settings.calls_per_minute)


def new_world(settings: SimulatorSettings) -> World:
    """A world in which nothing has happened yet."""
    return World(settings, Store(settings.keep_attachment_bytes), CallMeter(settings.calls_per_minute))
