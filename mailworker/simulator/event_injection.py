"""Events on request: what a test wants to happen to a mail, as it gives it to the control API."""

import random
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from mailworker.core.clock import utc_now
from mailworker.simulator.event_documents import happen
from mailworker.simulator.received_mail import MailEvent, ReceivedMail, Recipient
from mailworker.simulator.state import SimulatorState


class EventInput(BaseModel):
    """One event for the mails of a CustomID, or for one message id. Other fields are the event's own."""

    model_config = ConfigDict(extra="allow", frozen=True)

    event: Literal["sent", "open", "click", "bounce", "blocked", "spam", "unsub"]
    custom_id: str | None = None
    message_id: int | None = None
    times: int = Field(default=1, ge=1, le=1000)


class EventsInput(BaseModel):
    """Events that are posted together; `shuffle` is the seed of another order."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    events: list[EventInput]
    shuffle: int | None = None


def as_group(given: Any) -> Any:
    """One event alone is a group of one."""
    return given if isinstance(given, dict) and "events" in given else {"events": [given]}


def inject(world: SimulatorState, wanted: EventsInput) -> list[dict[str, Any]]:
    """Let the events happen, and give what is to be posted, with repetitions and in the wanted order."""
    documents = [document for one in wanted.events for document in _inject_one(world, one)]
    if wanted.shuffle is not None:
        random.Random(wanted.shuffle).shuffle(documents)  # noqa: S311 - a test's dice, not a secret
    return documents


def _inject_one(world: SimulatorState, wanted: EventInput) -> list[dict[str, Any]]:
    fields = dict(wanted.model_extra or {})
    documents: list[dict[str, Any]] = []
    for mail, recipient in _targets(world, wanted):
        document = happen(world, mail, MailEvent(wanted.event, utc_now(), recipient, fields))
        documents += [document] * wanted.times
    return documents


def _targets(world: SimulatorState, wanted: EventInput) -> list[tuple[ReceivedMail, Recipient]]:
    if wanted.message_id is not None:
        found = world.store.mail(wanted.message_id)
        return [found] if found else []
    mails = world.store.by_custom_id(wanted.custom_id or "")
    return [(mail, recipient) for mail in mails for recipient in mail.recipients]
