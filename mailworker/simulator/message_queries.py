"""The look-ups `message`, `messagehistory`, `messageinformation`: a mail is found some time after it came."""

from collections.abc import Iterator
from datetime import datetime

from mailworker.simulator.api_answers import ApiAnswer, legacy_error, not_found, rows
from mailworker.simulator.api_request import ApiRequest
from mailworker.simulator.event_documents import first_events, status_of
from mailworker.simulator.received_mail import Outcome, ReceivedMail, Recipient
from mailworker.simulator.rest_tables import Row, page
from mailworker.simulator.rfc3339 import moment, rfc3339
from mailworker.simulator.state import SimulatorState

#: Filters of Mailjet's own description that nothing here has values for.
_UNMODELLED = {
    "bouncereason", "destination", "from", "fromdomain", "fromid", "messagestate", "plansubscription",
    "sender", "senderid",
}  # fmt: skip
_STATES = {"blocked": 5, "hardbounced": 4, "softbounced": 4}


def messages(call: ApiRequest, world: SimulatorState) -> ApiAnswer:
    """`GET /message`; one row for each recipient. A filter of Mailjet's that is not modelled is a 501."""
    unmodelled = sorted(name for name in call.filters if name.lower() in _UNMODELLED)
    if call.filters.get("MessageStatus", "").isdigit():
        unmodelled.append("MessageStatus by number")
    if unmodelled:
        return legacy_error(501, f"Mailjet filters by {unmodelled[0]}; this local one does not.")
    found = [_row(world, mail, one, call) for mail, one in _matching(call, world)]
    return page(found, call)


def message(call: ApiRequest, world: SimulatorState) -> ApiAnswer:
    """`GET /message/{id}`."""
    found = _visible(call, world)
    return rows([_row(world, *found, call)]) if found else not_found()


def history(call: ApiRequest, world: SimulatorState) -> ApiAnswer:
    """`GET /messagehistory/{id}`; an unknown id has an empty history (recorded)."""
    found = _visible(call, world)
    if found is None:
        return rows([])
    mail, recipient = found
    events = [event for event in mail.events if event.recipient.message_id == recipient.message_id]
    if not any(event.name in ("sent", "blocked") for event in events):
        own = first_events(world, mail, mail.arrived_at)
        events = [event for event in own if event.recipient.message_id == recipient.message_id] + events
    return rows(
        [
            {
                "Comment": "",
                "EventAt": int(event.at.timestamp()),
                "EventType": {"open": "opened", "click": "clicked"}.get(event.name, event.name),
                "State": "",
                "Useragent": "",
                "UseragentID": 0,
            }
            for event in events
        ]
    )


def all_information(call: ApiRequest, world: SimulatorState) -> ApiAnswer:
    """`GET /messageinformation`: of every message that look-ups find."""
    found = [_information(world, mail, one) for mail, one in _matching(call, world)]
    return page(found, call)


def information(call: ApiRequest, world: SimulatorState) -> ApiAnswer:
    """`GET /messageinformation/{id}`: sizes and counts."""
    found = _visible(call, world)
    if found is None:
        return not_found()
    return rows([_information(world, *found)])


def _information(world: SimulatorState, mail: ReceivedMail, recipient: Recipient) -> Row:
    names = [event.name for event in mail.events if event.recipient.message_id == recipient.message_id]
    return {
        "CampaignID": 0,
        "ClickTrackedCount": names.count("click"),
        "ContactID": 0,
        "CreatedAt": rfc3339(mail.arrived_at),
        "ID": recipient.message_id,
        "MessageSize": _size(mail, world.outcome(mail)),
        "OpenTrackedCount": names.count("open"),
        "QueuedCount": 0,
        "SendEndAt": rfc3339(mail.arrived_at),
        "SentCount": 1,
        "SpamAssassinRules": {"ALT": "", "ID": -1},
        "SpamAssassinScore": 0,
    }


def _matching(call: ApiRequest, world: SimulatorState) -> Iterator[tuple[ReceivedMail, Recipient]]:
    query = call.filters
    custom_id = query.get("CustomID")
    mails = world.store.by_custom_id(custom_id) if custom_id else world.store.mails()
    number = query.get("Contact") or query.get("ContactID") or ""
    address = (query.get("ContactAlt") or ("" if number.isdigit() else number)).lower()
    campaign = query.get("Campaign") or query.get("CampaignID")
    kind, status = query.get("FromType"), query.get("MessageStatus")
    since, until = moment(query.get("FromTS")), moment(query.get("ToTS"))
    for mail in mails:
        own_campaign = str(mail.properties.get("_Campaign") or 0)
        asked = (
            mail.visible_at <= call.arrived_at
            and within(mail.arrived_at, since, until)
            and campaign in (None, own_campaign)
            and kind in (None, "2" if own_campaign != "0" else "1")
            and (not number.isdigit() or number == str(mail.contact_id))
        )
        for one in mail.recipients if asked else ():
            if address and one.email.lower() != address:
                continue
            if status is None or status.lower() == status_of(world, mail, one):
                yield mail, one


def within(arrived: datetime, since: datetime | None, until: datetime | None) -> bool:
    """Whether it arrived in this time; None is an open end."""
    return (since is None or arrived >= since) and (until is None or arrived <= until)


def _visible(call: ApiRequest, world: SimulatorState) -> tuple[ReceivedMail, Recipient] | None:
    found = world.store.mail(call.number)
    return found if found and found[0].visible_at <= call.arrived_at else None


def _row(world: SimulatorState, mail: ReceivedMail, recipient: Recipient, call: ApiRequest) -> Row:
    """The row of a recorded answer; subject, address and CustomID only where they were asked for."""
    outcome = world.outcome(mail)
    status = status_of(world, mail, recipient)

    def shown(name: str, value: str) -> str:
        return value if call.filters.get(f"Show{name}", "").lower() in ("true", "1") else ""

    row: Row = {
        "ArrivedAt": rfc3339(mail.arrived_at),
        "AttachmentCount": len(mail.attachments),
        "AttemptCount": 0,
        "CampaignID": int(mail.properties.get("_Campaign") or 0),
        "ContactAlt": shown("ContactAlt", recipient.email),
        "ContactID": mail.contact_id,
        "Delay": 0,
        "DestinationID": 1,
        "FilterTime": 0,
        "ID": recipient.message_id,
        "IsClickTracked": mail.properties.get("TrackClicks") != "disabled",
        "IsHTMLPartIncluded": bool(outcome.html),
        "IsOpenTracked": mail.properties.get("TrackOpens") != "disabled",
        "IsTextPartIncluded": bool(outcome.text),
        "IsUnsubTracked": False,
        "MessageSize": _size(mail, outcome),
        "SenderID": 1,
        "SpamassassinScore": 0,
        "SpamassRules": "",
        "StatePermanent": status in _STATES,
        "Status": status,
        "Subject": shown("Subject", outcome.subject),
        "UUID": recipient.message_uuid,
    }
    if call.filters.get("ShowCustomID", "").lower() in ("true", "1"):
        row["CustomID"] = mail.custom_id
    return row


def _size(mail: ReceivedMail, outcome: Outcome) -> int:
    base64 = sum(one.size for one in mail.attachments) * 4 // 3
    return len(outcome.html) + len(outcome.text) + base64
