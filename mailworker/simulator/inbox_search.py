"""The inbox's search: words that must all be there, and what else is known of a mail, as Mailpit writes it.

`from:`, `to:`, `cc:`, `bcc:`, `subject:` and `id:` look there alone, `has:attachment`, `is:read` and
`is:unread` are self-explanatory, `before:2026-11-30` and `after:2026-11-30` the day of arrival (UTC). Quotes
keep words together; a `-` before any of these turns it round.
"""

import re
from collections.abc import Callable, Collection, Mapping
from datetime import date
from functools import partial

from mailworker.simulator.received_mail import ReceivedMail

_TERM = re.compile(
    r'(?P<no>[-!]?)(?:(?P<field>[a-z]+):)?(?:"(?P<quoted>[^"]*)"|(?P<word>\S+))', re.IGNORECASE
)
_Test = Callable[[ReceivedMail], bool]


def search_of(text: str) -> _Test:
    """Whether a mail is what is searched for; every mail where nothing is."""
    tests = [_test(found) for found in _TERM.finditer(text)]
    return lambda mail: all(test(mail) for test in tests)


def _test(found: re.Match[str]) -> _Test:
    field = (found["field"] or "").lower()
    wanted = (found["quoted"] if found["quoted"] is not None else found["word"]).lower()
    test = _named(field, wanted) if field else _contains(_everything, wanted)
    if test is None:  # a colon of another's making: a URL, an invoice's number
        test = _contains(_everything, f"{field}:{wanted}")
    return (lambda mail: not test(mail)) if found["no"] else test


def _named(field: str, wanted: str) -> _Test | None:
    if (of := _FIELDS.get(field)) is not None:
        return _contains(of, wanted)
    if field in {"before", "after"} and (day := _day(wanted)) is not None:
        earlier = field == "before"
        return lambda mail: mail.arrived_at.date() < day if earlier else mail.arrived_at.date() > day
    return _STATES.get(f"{field}:{wanted}")


def _contains(of: Callable[[ReceivedMail], str], wanted: str) -> _Test:
    return lambda mail: wanted in of(mail).lower()


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _people(roles: Collection[str], mail: ReceivedMail) -> str:
    return " ".join(f"{one.name} <{one.email}>" for one in mail.recipients if one.role in roles)


def _sender(mail: ReceivedMail) -> str:
    sender = mail.properties.get("From") or {}
    return f"{sender.get('Name') or ''} <{sender.get('Email') or ''}>"


def _subject(mail: ReceivedMail) -> str:
    """As it was posted and, once it was looked at, as it was rendered: nothing is rendered for a search."""
    return f"{mail.properties.get('Subject') or ''} {mail.outcome.subject if mail.outcome else ''}"


def _ids(mail: ReceivedMail) -> str:
    return " ".join((mail.custom_id, *(str(one.message_id) for one in mail.recipients)))


def _everything(mail: ReceivedMail) -> str:
    known = _people(("To", "Cc", "Bcc"), mail), _sender(mail), _subject(mail), _ids(mail)
    return " ".join((*known, *map(str, mail.variables.values())))


_FIELDS: Mapping[str, Callable[[ReceivedMail], str]] = {
    "from": _sender,
    "to": partial(_people, ("To",)),
    "cc": partial(_people, ("Cc",)),
    "bcc": partial(_people, ("Bcc",)),
    "subject": _subject,
    "id": _ids,
}
_STATES: Mapping[str, _Test] = {
    "has:attachment": lambda mail: bool(mail.attachments),
    "is:read": lambda mail: mail.read,
    "is:unread": lambda mail: not mail.read,
}
