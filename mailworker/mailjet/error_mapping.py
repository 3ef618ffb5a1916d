"""One error object of Mailjet's becomes one error of our tree, without the customer's address.

Mailjet writes `{"ErrorIdentifier", "ErrorCode", "StatusCode", "ErrorMessage", "ErrorRelatedTo"}`. The
identifier is what Mailjet's support asks for, so it stays in the text.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from mailworker.errors import MailworkerError, Misconfigured, Refused, TooLarge, UnknownOutcome
from mailworker.mailjet.error_codes import CODES, ErrorCode, Fate

_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'")
_PERSONAL = re.compile(r"@|://|<")
_PROPERTY = re.compile(r"[A-Za-z][\w.\[\]\"-]{0,60}")
_IDENTIFIER = re.compile(r"[0-9A-Za-z-]{8,64}")
_LEGACY_CODE = re.compile(r"MJ\d+")

# A message with several errors is as hopeless as its worst one.
_WORST_FIRST = (Refused, TooLarge, Misconfigured, UnknownOutcome)


def error_from(faults: Sequence[Mapping[str, Any]], *, status: int, trace: str = "") -> MailworkerError:
    """The one error that a message's list of faults amounts to; `status` where a fault has none."""
    errors = [_one(fault, status, trace) for fault in faults] or [_one({}, status, trace)]
    return min(errors, key=lambda error: _WORST_FIRST.index(type(error)))


def without_values(text: str) -> str:
    """Mailjet's sentence without what it quotes; nothing of it where an address or link is left over."""
    sentence = " ".join(_QUOTED.sub("…", text).split())[:200].rstrip(".")
    return "in words that quote a person" if _PERSONAL.search(sentence) else sentence


def trace_of(identifier: object) -> str:
    """` [id …]` for Mailjet's support, empty where there is no sane identifier."""
    text = str(identifier or "")
    return f" [Mailjet's id {text}]" if _IDENTIFIER.fullmatch(text) else ""


def legacy_code(fault: Mapping[str, Any]) -> str:
    """`MJ18` and the like, which the REST resources put before their sentence."""
    found = _LEGACY_CODE.match(str(fault.get("ErrorMessage") or ""))
    return found.group() if found else ""


def _one(fault: Mapping[str, Any], default_status: int, trace: str) -> MailworkerError:
    name = str(fault.get("ErrorCode") or "") or legacy_code(fault)
    status = _status(fault, default_status)
    code = CODES.get(name) or _unlisted(fault, status)
    suffix = _related(fault) + (trace_of(fault.get("ErrorIdentifier")) or trace)
    sentence = f"{name or f'HTTP {status}'}, {code.words if code else 'its servers failed'}{suffix}."
    if code is None:
        return UnknownOutcome(f"Mailjet answered {sentence}")
    if code.fate is Fate.TOO_LARGE:
        return TooLarge(f"Mailjet refuses the message: {sentence}")
    if code.fate is Fate.MISCONFIGURED:
        return Misconfigured(f"Mailjet needs a person's help: {sentence}", code=name or str(status))
    return Refused(f"Mailjet refuses the message: {sentence}", code=name or str(status))


def _unlisted(fault: Mapping[str, Any], status: int) -> ErrorCode | None:
    """A code that no table has, by its HTTP status; None for a server's failure."""
    words = without_values(str(fault.get("ErrorMessage") or "")) or "without a reason"
    if status >= 500:
        return None
    return ErrorCode(Fate.MISCONFIGURED if status in {401, 403} else Fate.REFUSED, words)


def _status(fault: Mapping[str, Any], default: int) -> int:
    status = fault.get("StatusCode")
    return status if isinstance(status, int) and 400 <= status <= 599 else default


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
