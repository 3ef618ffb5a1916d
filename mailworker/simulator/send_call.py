"""`POST /v3.1/send`: the whole-call checks in Mailjet's order, then each message its own fate."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from mailworker.core.mailjet_limits import MESSAGES_PER_CALL, RECIPIENTS_PER_CALL
from mailworker.simulator import send_errors as wrong
from mailworker.simulator.address_syntax import may_send
from mailworker.simulator.api_answers import ApiAnswer, modern, modern_error
from mailworker.simulator.api_request import NOT_JSON, ApiRequest
from mailworker.simulator.assumptions import Assumption
from mailworker.simulator.fault_rules import Fault, addresses_of
from mailworker.simulator.received_mail import ReceivedAttachment, ReceivedMail
from mailworker.simulator.send_errors import SendError
from mailworker.simulator.send_files import read_attachments, without_contents
from mailworker.simulator.send_globals import merge
from mailworker.simulator.send_message_checks import (
    AccountFacts,
    message_errors,
    property_errors,
    recipient_count,
)
from mailworker.simulator.send_property_types import call_type_error, spelled
from mailworker.simulator.state import SimulatorState

#: What the inbox shows of a mail from no active sender: no look-up finds it, and no event is posted of it.
_GONE = ("sender", "no active sender: Mailjet drops it without a word")
_HREF = "https://api.mailjet.com/v3/REST/message/"


@dataclass(frozen=True, slots=True)
class _Checked:
    """A message with its files, and what is wrong with it."""

    message: dict[str, Any]
    files: list[ReceivedAttachment]
    errors: list[SendError]


def send(call: ApiRequest, world: SimulatorState) -> ApiAnswer:
    """Answer a send call; the good messages are stored, unless it is a sandbox call."""
    document = spelled(call.document)
    refusal = whole_call_refusal(document)
    if refusal:
        return refusal
    shared = document.get("Globals") or {}
    messages = [merge(shared, message) for message in document["Messages"]]
    refusal = _refusal_of_sum(shared, messages)
    if refusal:
        return refusal
    facts = _account_facts(world, advanced=bool(document.get("AdvanceErrorHandling")))
    checked = [_check(message, facts, world) for message in messages]
    return _answer(checked, world, call, sandbox=bool(document.get("SandboxMode")))


def whole_call_refusal(document: Any) -> ApiAnswer | None:
    """The answer to a call whose JSON is not even of the right shape."""
    if document is NOT_JSON:
        return _top_level(wrong.MALFORMED)
    if isinstance(document, dict) and document.get("Messages") is None:
        errors = [wrong.missing("Messages").document()]
        return modern(400, {"Errors": errors, "Messages": []})
    error = call_type_error(document)
    if error is None and document["Messages"] == []:
        error = wrong.empty_array("Messages")
    return _top_level(error) if error else None


def _refusal_of_sum(shared: dict[str, Any], messages: list[dict[str, Any]]) -> ApiAnswer | None:
    """Errors in Globals, then too many recipients, then too many messages: in this order, as observed."""
    in_globals = [*property_errors(shared), *read_attachments(shared)[1]]
    if "To" in shared:
        in_globals.append(wrong.not_allowed("To", "any message property except To"))
    if in_globals:
        errors = [error.document() for error in in_globals]
        return modern(400, {"Globals": {"Status": "error", "Errors": errors}})
    if sum(recipient_count(message) for message in messages) > RECIPIENTS_PER_CALL:
        return _top_level(wrong.TOO_MANY_RECIPIENTS)
    return _top_level(wrong.too_many("Messages")) if len(messages) > MESSAGES_PER_CALL else None


def _top_level(error: SendError) -> ApiAnswer:
    return modern_error(error.status, error.message, error.code, error.related)


def _account_facts(world: SimulatorState, *, advanced: bool) -> AccountFacts:
    checked = Assumption.CHECKS_SENDERS in world.settings.assume
    return AccountFacts(world.active_senders if checked else (), world.templates.error, advanced)


def _check(message: dict[str, Any], facts: AccountFacts, world: SimulatorState) -> _Checked:
    files, file_errors = read_attachments(message)
    errors = [*message_errors(message, facts), *file_errors, *_fault_errors(message, world)]
    return _Checked(message, files, errors)


def _fault_errors(message: dict[str, Any], world: SimulatorState) -> list[SendError]:
    if not world.faults.rules:
        return []
    names = str(message.get("CustomID") or ""), addresses_of(message)
    errors = []
    if world.faults.for_message(Fault.PARTIAL_FAILURE, *names):
        errors.append(wrong.bad_address(next(iter(names[1]), ""), "To[0].Email"))
    if world.faults.for_message(Fault.SENDER_REVOKED, *names):
        errors.append(wrong.sender_unknown(str((message.get("From") or {}).get("Email") or "")))
    return errors


def _answer(checked: list[_Checked], world: SimulatorState, call: ApiRequest, *, sandbox: bool) -> ApiAnswer:
    entries = []
    accepted = 0
    for one in checked:
        if one.errors:
            entries.append({"Status": "error", "Errors": [error.document() for error in one.errors]})
        elif sandbox:
            entries.append(_sandbox_entry(one.message))
        else:
            entries.append(_success_entry(_store(one, world, call)))
            accepted += 1
    return modern(_status(checked), {"Messages": entries}, accepted=accepted)


def _status(checked: list[_Checked]) -> int:
    """200, or 400 as soon as one message failed; 403 where every error is one (not confirmed by Mailjet)."""
    statuses = {error.status for one in checked for error in one.errors}
    if not statuses:
        return 200
    return 403 if statuses == {403} else 400


def _store(one: _Checked, world: SimulatorState, call: ApiRequest) -> ReceivedMail:
    names = str(one.message.get("CustomID") or ""), addresses_of(one.message)
    late = world.faults.for_message(Fault.LOOKUP_LATE, *names)
    delay = world.settings.index_delay + ((late.given.seconds or 0) if late else 0)
    mail = world.store.add(without_contents(one.message), one.files, call.arrived_at, delay)
    if world.faults.for_message(Fault.TEMPLATE_BROKEN, *names):
        mail.blocked_because = ("content", "error in template language")
    if may_send(str((one.message.get("From") or {}).get("Email") or ""), world.active_senders):
        take_in(mail, world)
    else:
        mail.blocked_because = _GONE
        mail.visible_at = datetime.max.replace(tzinfo=UTC)
    return mail


def take_in(mail: ReceivedMail, world: SimulatorState) -> None:
    """What every accepted mail brings along: contacts for its recipients, events where they are wanted."""
    people = [world.contacts.ensure(one.email, "", mail.arrived_at) for one in mail.recipients]
    mail.contact_id, mail.contact_properties = people[0].number, people[0].properties
    if world.callbacks.rows:
        world.outbox.add_mail(mail)


def _success_entry(mail: ReceivedMail) -> dict[str, Any]:
    entry: dict[str, Any] = {"Status": "success", "CustomID": mail.custom_id, "To": [], "Cc": [], "Bcc": []}
    for one in mail.recipients:
        row = {"Email": one.email, "MessageUUID": one.message_uuid, "MessageID": one.message_id}
        entry[one.role].append({**row, "MessageHref": f"{_HREF}{one.message_id}"})
    return entry


def _sandbox_entry(message: dict[str, Any]) -> dict[str, Any]:
    def row(person: dict[str, Any]) -> dict[str, Any]:
        href = "https://api.mailjet.com/v3/message/0"
        return {"Email": person["Email"], "MessageUUID": "", "MessageID": 0, "MessageHref": href}

    people = {role: [row(one) for one in message.get(role) or ()] for role in ("To", "Cc", "Bcc")}
    return {"Status": "success", "CustomID": message.get("CustomID") or "", **people}
