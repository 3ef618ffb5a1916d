"""Why did this person get this mail, or not? One message's state in sentences for staff."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from mailworker.rules.delivery_status import OUR_FAULT
from mailworker.rules.lookup_schedule import FOR_A_PERSON
from mailworker.rules.why_it_waits import OUTAGE, reason_to_wait

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class MessageFacts:
    """What is known around a message: `held` is why its kind, or all mail, is held at this moment.

    `outage`: Mailjet is out of order, and nothing leaves at all.
    `last_event_at` is when the last event about it happened; `resendable`: nothing forbids to send a
    copy in its place.
    """

    now: datetime
    zone: ZoneInfo
    held: str = ""
    suppressed: str = ""
    last_event_at: datetime | None = None
    resendable: bool = True
    outage: bool = False


def explained(row: Row, facts: MessageFacts) -> list[str]:
    """Sentences without anybody's address: what became of it, why, and what can be done."""
    if explain := _BY_STATE.get(row["state"]):
        sentences = explain(row, facts)
    else:
        sentence = _SENTENCES.get(row["state"], "It is {state}: {why}")
        at = _moment(row["changed_at"], facts)
        sentences = [sentence.format(state=row["state"], at=at, why=_why(row))]
    if facts.suppressed and row["state"] in {"accepted", "ready"}:
        sentences.append(f"The address is on the suppression list ({facts.suppressed}), which may stop it.")
    return sentences


def became(row: Row) -> str:
    """What happened last to a message, for a line of a list: events outweigh that Mailjet took it."""
    if row["state"] != "sent" or not row["delivery"] or OUR_FAULT in (row["reason"] or ""):
        return row["reason"] or ""
    return _delivery_sentence(row["delivery"])


def _delivery_sentence(word: str) -> str:
    return _DELIVERIES.get(word, f"it is {word}")


def _accepted(row: Row, facts: MessageFacts) -> list[str]:
    wait = _scheduled(row, facts)
    return wait or ["It is accepted, and waits for a worker to prepare its invoice.", *_because(row)]


def _ready(row: Row, facts: MessageFacts) -> list[str]:
    if facts.held:
        return [f"It waits, for mail is held: {facts.held.rstrip('.')}. It leaves when the hold ends."]
    wait = _scheduled(row, facts) or _outage(facts)
    times = "once" if row["attempts"] == 1 else f"{row['attempts']} times"
    tried = [f"It was tried {times} so far."] if row["attempts"] else []
    return [*(wait or ["It waits for its turn to leave.", *_because(row)]), *tried, *_until(row, facts)]


def _outage(facts: MessageFacts) -> list[str]:
    sentence = f"It waits, for {OUTAGE}. It leaves by itself when Mailjet answers again."
    return [sentence] if facts.outage else []


def _scheduled(row: Row, facts: MessageFacts) -> list[str]:
    if row["not_before"] is None or row["not_before"] <= facts.now:
        return []
    reason = reason_to_wait(row).rstrip(".")
    why = f" ({reason})" if reason else ""
    return [f"It leaves at {_moment(row['not_before'], facts)}, not before{why}."]


def _until(row: Row, facts: MessageFacts) -> list[str]:
    if row["expires_at"] is None:
        return []
    return [f"It is of no use any more after {_moment(row['expires_at'], facts)}, and expires then."]


def _unknown(row: Row, _facts: MessageFacts) -> list[str]:
    if row["reason"] == FOR_A_PERSON:
        cure = f"mailworker messages replay --unknown {row['id']} --yes"
        return [f"{FOR_A_PERSON}.", f"Look for its id at Mailjet. It is not there? `{cure}`."]
    return [
        "Nobody saw the answer to its call: Mailjet may or may not have it, and is asked.",
        *_because(row),
    ]


def _sent(row: Row, facts: MessageFacts) -> list[str]:
    at = _moment(row["changed_at"], facts)
    if not row["delivery"]:
        return [f"Mailjet accepted it at {at}; no event has come since, so delivery is not proven."]
    word = row["delivery"]
    as_of = f", as of {_moment(facts.last_event_at, facts)}" if facts.last_event_at else ""
    sentences = [f"Mailjet accepted it at {at}; {_delivery_sentence(word)}{as_of}."]
    if row["reason"] and OUR_FAULT in row["reason"]:
        sentences = [f"Mailjet accepted it at {at}.", row["reason"]]
        if facts.resendable:
            sentences.append(f"Once that is mended: `mailworker messages replay {row['id']} --yes`.")
    elif word in {"blocked", "bounced", "spam"}:
        sentences.append("Its timeline (`mailworker messages show`) has Mailjet's words for it.")
    return [*sentences, _WRONG_ADDRESS] if word == "bounced" else sentences


def _failed(row: Row, _facts: MessageFacts) -> list[str]:
    return [
        f"It failed and did not leave: {_why(row)}",
        f"Once that is mended: `mailworker messages replay {row['id']} --yes`.",
        *([_WRONG_DOCUMENT] if row.get("invoice") else []),
    ]


def _suppressed(row: Row, _facts: MessageFacts) -> list[str]:
    listed = "suppression list" in (row["reason"] or "")
    sentence = f"It did not leave, for its recipient may not be written to: {_why(row)}"
    return [sentence, _WRONG_ADDRESS] if listed else [sentence]


def _because(row: Row) -> list[str]:
    return [f"The last that happened: {_why(row)}"] if row["reason"] else []


def _why(row: Row) -> str:
    return f"{(row['reason'] or 'no reason is written down').rstrip('.')}."


def _moment(moment: datetime, facts: MessageFacts) -> str:
    return f"{moment.astimezone(facts.zone):%Y-%m-%d %H:%M} ({facts.zone.key})"


_WRONG_ADDRESS = (
    "Correct the address in the CRM and send the mail anew; where the address is right after all, "
    "`mailworker suppressions lift` takes it off the list first."
)
_WRONG_DOCUMENT = (
    "If the document itself is wrong, send the corrected one: `mailworker invoice send FILE --again`."
)
_DELIVERIES = {
    "delivered": "the recipient's server took it",
    "opened": "it was opened",
    "clicked": "a link in it was followed",
    "deferred": "the recipient's server puts it off, and Mailjet goes on trying",
    "soft_bounced": "the recipient's server refused it for now",
    "bounced": "the recipient's server refused it for good",
    "blocked": "Mailjet did not deliver it",
    "spam": "its recipient called it spam",
    "unsubscribed": "its recipient unsubscribed by it",
}
_BY_STATE: Mapping[str, Callable[[Row, MessageFacts], list[str]]] = {
    "accepted": _accepted,
    "ready": _ready,
    "unknown": _unknown,
    "sent": _sent,
    "failed": _failed,
    "suppressed": _suppressed,
}
#: Of the other states, each in one sentence.
_SENTENCES = {
    "rendering": "Its invoice is being prepared at this moment.",
    "sending": "It is in a call to Mailjet at this moment.",
    "expired": "It did not leave in time ({at}): {why}",
    "cancelled": "It did not leave, for it was no longer true or was ended: {why}",
    "held": "An operator stopped it: {why}",
}
