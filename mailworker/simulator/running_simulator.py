"""What a test holds while a local Mailjet runs beside it."""

from dataclasses import dataclass
from typing import Any

from mailworker.simulator.control_api import counts_document
from mailworker.simulator.fault_rules import Fault, Match, Rule, RuleInput
from mailworker.simulator.received_mail import Outcome, ReceivedCall, ReceivedMail
from mailworker.simulator.settings import SimulatorSettings
from mailworker.simulator.state import SimulatorState


@dataclass(frozen=True, slots=True)
class RunningSimulator:
    """A running local Mailjet: its URL, what arrived, and the switches of its faults."""

    url: str
    world: SimulatorState

    @property
    def settings(self) -> SimulatorSettings:
        """The settings it runs with, credentials among them."""
        return self.world.settings

    @property
    def mails(self) -> list[ReceivedMail]:
        """Every accepted mail, in the order of arrival."""
        return self.world.store.mails()

    @property
    def calls(self) -> list[ReceivedCall]:
        """Every answered call."""
        return self.world.store.calls()

    @property
    def counts(self) -> dict[str, Any]:
        """The same figures as `GET /_simulator/counts`."""
        return counts_document(self.world)

    def by_custom_id(self, custom_id: str) -> list[ReceivedMail]:
        """Every mail with this CustomID."""
        return self.world.store.by_custom_id(custom_id)

    def outcome(self, mail: ReceivedMail) -> Outcome:
        """What became of a mail: subject, HTML and text as the customer sees them, or why it was blocked."""
        return self.world.outcome(mail)

    def misbehave(self, fault: Fault | str, match: Match | None = None, **options: Any) -> Rule:
        """Put a fault in force; options are `times`, `probability`, `seed`, `seconds`."""
        return self.world.faults.add(RuleInput(fault=Fault(fault), match=match or Match(), **options))

    def behave(self) -> None:
        """End all faults."""
        self.world.faults.clear()

    def reset(self) -> None:
        """Forget mails, calls and faults."""
        self.world.reset()
