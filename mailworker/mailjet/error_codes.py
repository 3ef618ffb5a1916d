"""Mailjet's error codes: what each means, and which error of our tree it becomes, without any address.

Mailjet writes `{"ErrorIdentifier", "ErrorCode", "StatusCode", "ErrorMessage", "ErrorRelatedTo"}`. The
identifier is what Mailjet's support asks for, so it stays in the text.

Sources: the error tables of Mailjet's Send API guide (2023 and later); `send-0019` is in no table and
was reported to Mailjet's .NET client by its users. Our own words stand here, because Mailjet's
sentences quote the customer's address.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mailworker.errors import MailworkerError, Misconfigured, Refused, TooLarge, UnknownOutcome
from mailworker.rules.delivery_status import CASE_NUMBER


@dataclass(frozen=True, slots=True)
class ErrorCode:
    """One of Mailjet's codes: the error that it becomes, and its meaning in a sentence's end."""

    error: type[Refused | TooLarge | Misconfigured]
    words: str


_REFUSED: dict[str, str] = {
    "send-0003": "it has no template and no text",
    "send-0004": "it has a text and a template",
    "send-0011": "it sets a header that Mailjet keeps for itself",
    "send-0012": "it de-duplicates a campaign that it does not name",
    "send-0015": "the call has more than 50 recipients",
    "send-0016": "it reports template errors without the template language",
    "mj-0002": "the JSON is malformed",
    "mj-0003": "a mandatory property is missing or null",
    "mj-0004": "a property has the wrong type",
    "mj-0005": "a property's value is not allowed",
    "mj-0006": "a property is too long",
    "mj-0007": "a list is empty",
    "mj-0008": "a list has more than 50 elements",
    "mj-0012": "a property is an empty text",
    "mj-0013": "an e-mail address is not valid",
}

_MISCONFIGURED: dict[str, str] = {
    "send-0006": "this account may not set Sender; ask Mailjet's support for the permission",
    "send-0007": "the Sender is not validated; validate it in Mailjet's account",
    "send-0008": "From is not an active sender of this account; validate it in Mailjet's account",
    "send-0010": "this API key cannot send the template; correct template_id or share the template",
    "send-0013": "the monitoring category does not exist; create it in Mailjet's account",
    "send-0019": "a header stored in the template is not a text; save the template again",
    "mj-0001": "the API key is suspended; ask Mailjet's support",
    "mj-0015": "the API key or secret is wrong; correct api_key and api_secret",
}

_TOO_LARGE: dict[str, str] = {
    "mj-0011": "the payload is too large",
}

CODES: dict[str, ErrorCode] = {
    code: ErrorCode(error, words)
    for error, table in ((Refused, _REFUSED), (Misconfigured, _MISCONFIGURED), (TooLarge, _TOO_LARGE))
    for code, words in table.items()
}

_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'")
_PERSONAL = re.compile(r"@|://|<")
_PROPERTY = re.compile(r"[A-Za-z][\w.\[\]\"-]{0,60}")
_IDENTIFIER = re.compile(r"[0-9A-Za-z-]{8,64}")
_ERROR_STATUS = re.compile(r"[45][0-9]{2}")
_LEGACY_CODE = re.compile(r"MJ\d+")

# A message with several errors is as hopeless as its worst one.
_WORST_FIRST = (Refused, TooLarge, Misconfigured, UnknownOutcome)


def error_from(
    faults: Sequence[Mapping[str, Any]], *, status: int, trace: str = "", what: str = "message"
) -> MailworkerError:
    """The one error that a list of faults amounts to; `status` where a fault has none.

    `what` Mailjet speaks of: a message, or the whole call.
    """
    errors = [_one(fault, status, trace, what) for fault in faults or [{}]]
    return min(errors, key=lambda error: _WORST_FIRST.index(type(error)))


def without_values(text: str) -> str:
    """Mailjet's sentence without what it quotes; nothing of it where an address or link is left over."""
    sentence = " ".join(_QUOTED.sub("…", text).split())[:200].rstrip(".")
    return "in words that quote a person" if _PERSONAL.search(sentence) else sentence


def trace_of(identifier: object) -> str:
    """` [id …]` for Mailjet's support, empty where there is no sane identifier."""
    text = str(identifier or "")
    return f"{CASE_NUMBER}{text}]" if _IDENTIFIER.fullmatch(text) else ""


def code_of(fault: Mapping[str, Any]) -> str:
    """`send-0003` and the like; `MJ18` and the like, which the REST resources put before their sentence."""
    found = _LEGACY_CODE.match(str(fault.get("ErrorMessage") or ""))
    return str(fault.get("ErrorCode") or "") or (found.group() if found else "")


def _one(fault: Mapping[str, Any], default_status: int, trace: str, what: str) -> MailworkerError:
    name = code_of(fault)
    status = _status(fault, default_status)
    code = CODES.get(name) or _unlisted(fault, status)
    suffix = _related(fault) + (trace_of(fault.get("ErrorIdentifier")) or trace)
    sentence = f"{name or f'HTTP {status}'}, {code.words if code else 'its servers failed'}{suffix}."
    if code is None:
        return UnknownOutcome(f"Mailjet answered {sentence}")
    verdict = "needs a person's help" if code.error is Misconfigured else f"refuses the {what}"
    return code.error(f"Mailjet {verdict}: {sentence}", code=name or str(status))


def _unlisted(fault: Mapping[str, Any], status: int) -> ErrorCode | None:
    """A code that no table has, by its HTTP status; None for a server's failure."""
    if status >= 500:
        return None
    words = without_values(str(fault.get("ErrorMessage") or "")) or "without a reason"
    return ErrorCode(Misconfigured if status in {401, 402, 403} else Refused, words)


def _status(fault: Mapping[str, Any], default: int) -> int:
    status = str(fault.get("StatusCode"))
    return int(status) if _ERROR_STATUS.fullmatch(status) else default


def _related(fault: Mapping[str, Any]) -> str:
    """Which properties it is about: the Send API lists them, a REST resource nests them in ErrorInfo."""
    related = fault.get("ErrorRelatedTo")
    names: list[Any] = related if isinstance(related, list) else []
    info = fault.get("ErrorInfo")
    properties = info.get("Properties") if isinstance(info, dict) else None
    for one in properties if isinstance(properties, list) else []:
        names = [*names, *one] if isinstance(one, dict) else names
    known = [name for name in map(str, names) if _PROPERTY.fullmatch(name)]
    return f" ({', '.join(known)})" if known else ""
