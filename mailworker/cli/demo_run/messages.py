"""The demo's ten mails: posted, then followed until each of them is final."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from mailworker.cli.local_stack import Servers, wait_until
from mailworker.client import MailClient
from mailworker.config.builtin_kinds import INVOICE, KINDS
from mailworker.core.clock import utc_now
from mailworker.core.states import FINAL, State
from mailworker.ledger import Ledger
from mailworker.ledger.message_search import Story, story
from mailworker.templates.sample_values import sample_variables

DEADLINE_SECONDS = 60.0
#: Beside this file in the wheel; in a checkout among the examples.
_EXAMPLES = (
    Path(__file__).with_name("facture.json"),
    Path(__file__).parents[3] / "examples" / "invoices" / "facture.json",
)
_PEOPLE = ("Claire Fontaine", "claire.fontaine@example.com"), ("Karim Benali", "karim.benali@example.com")


@dataclass(frozen=True, slots=True)
class Posted:
    """A job as it was enqueued."""

    id: str
    kind: str
    to: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Followed:
    """What became of a job: its life in the ledger, and how often the local Mailjet got it."""

    posted: Posted
    story: Story | None
    arrived: int

    @property
    def state(self) -> str:
        """Its state; empty where it never became a message."""
        return str(self.story.message["state"]) if self.story else ""

    @property
    def well(self) -> bool:
        """Whether it was sent, and arrived exactly once."""
        return self.state == State.SENT and self.arrived == 1

    @property
    def seconds(self) -> float | None:
        """From the enqueue until Mailjet had it."""
        if self.story is None or self.state != State.SENT:
            return None
        return float((self.story.message["changed_at"] - self.posted.at).total_seconds())

    @property
    def attached(self) -> int:
        """The bytes of what it carries."""
        files = (self.story.message["attachments"] if self.story else None) or ()
        return sum(file["size"] for file in files)


def example_invoice() -> Path:
    """The invoice that the demo sends when it is given none."""
    return next((path for path in _EXAMPLES if path.exists()), _EXAMPLES[0])


def post_all(client: MailClient, invoice: Mapping[str, Any]) -> list[Posted]:
    """Enqueue one mail of each kind, as OmniCRM would."""
    return [_post(client, kind, invoice) for kind in KINDS]


def follow(servers: Servers, posted: list[Posted]) -> list[Followed]:
    """Wait until every message is final, a minute at most; then give what became of each."""
    ledger = Ledger.open(servers.database_url)
    try:
        wait_until(lambda: all(_is_final(one) for one in _stories(ledger, posted)), seconds=DEADLINE_SECONDS)
        arrived = [mail["custom_id"] for mail in servers.mailbox.messages()]
        stories = _stories(ledger, posted)
        return [Followed(one, seen, arrived.count(one.id)) for one, seen in zip(posted, stories, strict=True)]
    finally:
        ledger.close()


def _post(client: MailClient, kind: str, invoice: Mapping[str, Any]) -> Posted:
    at = utc_now()
    if kind == INVOICE:
        return Posted(client.send_invoice(invoice=invoice), kind, str(invoice["client"]["email"]), at)
    variables = sample_variables(kind)
    name, email = next(person for person in _PEOPLE if person[0] in variables.values())
    return Posted(client.send(kind, {"email": email, "name": name}, variables), kind, email, at)


def _stories(ledger: Ledger, posted: list[Posted]) -> list[Story | None]:
    with ledger.read() as connection:
        return [story(connection, one.id) for one in posted]


def _is_final(seen: Story | None) -> bool:
    return seen is not None and seen.message["state"] in FINAL
