"""The Send API's answer for each message.

The body decides, not the HTTP status: a partly successful call is answered 400, and its good messages
are sent. Sending them again because of the status is how others got duplicates.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from mailworker.core.message import Mail
from mailworker.core.settlement import Receipt
from mailworker.errors import MailworkerError, RefusedWithoutReason, UnknownOutcome
from mailworker.mailjet.error_codes import error_from, trace_of
from mailworker.mailjet.http_response import VERDICTS, HttpAnswer, is_error, refusal
from mailworker.mailjet.rest_rows import number_of, uuid_of

#: HTTP statuses that are a reason by themselves: keys, payment, rights, another address, too much.
_SPEAKING = {"401", "402", "403", "404", "413"}
#: HTTP statuses that mean, without a code of the Send API, that the request was for something else.
_OF_THE_WAY = {404, 405}


def read_send_answer(answer: HttpAnswer, mails: Sequence[Mail]) -> list[Receipt | MailworkerError]:
    """One fate for each mail, in the mails' order.

    Raises what befell the call as a whole: Throttled, TooLarge, Refused, Misconfigured, Unreachable
    (turned away before it was read) or UnknownOutcome.
    """
    body = answer.json()
    messages = body.get("Messages") if isinstance(body, dict) else None
    if isinstance(messages, list) and messages:
        return _fates(messages, mails, answer)
    if messages or (body is None and b'"Messages"' in answer.body):
        # Mailjet spoke of each of them, and some may have been taken, whatever the status says.
        raise UnknownOutcome(f"Mailjet's answer about its messages cannot be read{answer.trace}.")
    faults = _whole_call_faults(body)
    if answer.status in _OF_THE_WAY and not any(fault.get("ErrorCode") for fault in faults):
        faults = []
    if faults and answer.status in VERDICTS and (mute := _without_reason(faults, answer, "call")):
        raise mute
    raise refusal(answer, faults)


def _whole_call_faults(body: Any) -> list[Mapping[str, Any]]:
    """The errors of a body that speaks of no message: bare, below `Globals`, or below `Errors`."""
    if not isinstance(body, dict):
        return []
    below = body.get("Globals")
    faults = (below if isinstance(below, dict) else body).get("Errors")
    if isinstance(faults, list) and faults:
        return [fault for fault in faults if isinstance(fault, dict)]
    return [body] if is_error(body) else []


def _fates(messages: list[Any], mails: Sequence[Mail], answer: HttpAnswer) -> list[Receipt | MailworkerError]:
    """Each mail's own element: the one that names it, at whatever position; else the nameless one at its own.

    Positions mean something only while no name stands at another's, and none is missing. An id that two
    elements name proves nothing about either, unless they agree.
    """
    named: dict[str, Any] = {}
    for one in messages:
        if name := _name(one):
            named[name] = one if named.get(name, one) == one else None
    in_order = len(messages) == len(mails) and all(
        _name(one) in {"", mail.id} for one, mail in zip(messages, mails, strict=True)
    )
    by_position = messages if in_order else [None] * len(mails)
    return [_fate(named.get(mail.id, one), answer) for mail, one in zip(mails, by_position, strict=True)]


def _name(message: Any) -> str:
    """The id that an element echoes, empty where it echoes none."""
    return str(message.get("CustomID") or "") if isinstance(message, dict) else ""


def _fate(message: Any, answer: HttpAnswer) -> Receipt | MailworkerError:
    if not isinstance(message, dict):
        return UnknownOutcome(f"Mailjet's answer does not speak of this message{answer.trace}.")
    status = str(message.get("Status")).lower()
    if status == "success":
        return _receipt(message) or UnknownOutcome(f"Mailjet took it, and gave no MessageID{answer.trace}.")
    if status == "error":
        faults = message.get("Errors")
        known = [fault for fault in faults if isinstance(fault, dict)] if isinstance(faults, list) else []
        if mute := _without_reason(known, answer, "message") or _throttled(known, answer):
            return mute
        return error_from(list(filter(_speaks, known)) or known, status=answer.status, trace=answer.trace)
    return UnknownOutcome(f"Mailjet's answer says neither success nor error for this message{answer.trace}.")


def _without_reason(
    faults: Sequence[Mapping[str, Any]], answer: HttpAnswer, what: str
) -> RefusedWithoutReason | None:
    """What an error amounts to that has neither code nor words, nor a status that speaks for itself.

    Mailjet did not take the message, and nothing shows that it never will.
    """
    statuses = {str(fault.get("StatusCode") or answer.status) for fault in faults} or {str(answer.status)}
    if any(map(_speaks, faults)) or statuses & _SPEAKING:
        return None
    if any(status.startswith("5") for status in statuses):
        return None
    traces = [trace_of(fault.get("ErrorIdentifier")) for fault in faults]
    trace = next(filter(None, traces), answer.trace)
    words = f"Mailjet refuses the {what} without a reason (HTTP {answer.status}){trace}."
    return RefusedWithoutReason(words, code=str(answer.status))


def _throttled(faults: Sequence[Mapping[str, Any]], answer: HttpAnswer) -> RefusedWithoutReason | None:
    """A message that was one too many just now: others of its call were taken."""
    if not any(str(fault.get("StatusCode")) == "429" for fault in faults):
        return None
    return RefusedWithoutReason(f"Mailjet takes this message later (HTTP 429){answer.trace}.", code="429")


def _speaks(fault: Mapping[str, Any]) -> bool:
    return bool(fault.get("ErrorCode") or fault.get("ErrorMessage"))


def _receipt(message: Mapping[str, Any]) -> Receipt | None:
    """The first recipient's ids: a message has one To, and its copies are not followed."""
    recipients = message.get("To")
    first = recipients[0] if isinstance(recipients, list) and recipients else None
    if not isinstance(first, dict):
        return None
    number = number_of(first, "MessageID")
    return None if number is None else Receipt(number, uuid_of(first, "MessageUUID"))
