"""Step 2 of a send call: what is wrong with one message? All of it, in one go."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from mailworker.core.mailjet_limits import LIST_ELEMENTS
from mailworker.simulator import send_errors as wrong
from mailworker.simulator.address_syntax import is_address, may_send
from mailworker.simulator.send_errors import SendError
from mailworker.simulator.send_headers import is_forbidden

MOST_SUBJECT = 255
MOST_URL_TAGS = 256
_ROLES = ("To", "Cc", "Bcc")
_TRACKING = ("account_default", "disabled", "enabled")
_NEED_LANGUAGE = ("TemplateErrorReporting", "TemplateErrorDeliver")


@dataclass(frozen=True, slots=True)
class AccountFacts:
    """What the checks must know of the account. `template_error` gives what hinders a template id."""

    senders: Sequence[str]
    template_error: Callable[[int], SendError | None]
    check_templates: bool


def recipient_count(message: dict[str, Any]) -> int:
    """To, Cc and Bcc together; the same person twice counts twice (live test of Mailjet's own SDK)."""
    return sum(len(message.get(role) or ()) for role in _ROLES)


def message_errors(message: dict[str, Any], facts: AccountFacts) -> list[SendError]:
    """Everything wrong with a message whose Globals are merged in and whose types are right.

    Attachments are looked at by `read_attachments`.
    """
    return [
        *property_errors(message),
        *_recipient_presence(message),
        *_content_errors(message, facts),
        *_sender_errors(message, facts),
    ]


def property_errors(message: dict[str, Any]) -> list[SendError]:
    """Errors of the properties that are there, in a message or in Globals."""
    return [
        *_null_errors(message),
        *_address_errors(message),
        *_size_errors(message),
        *_value_errors(message),
        *(wrong.forbidden_header(name) for name in message.get("Headers") or () if is_forbidden(name)),
    ]


def _null_errors(message: dict[str, Any]) -> Iterator[SendError]:
    for name, value in message.items():
        if value is None:
            yield wrong.is_null(name)
        elif name in ("Variables", "Headers"):
            yield from _nulls_inside(value, name)


def _nulls_inside(value: Any, path: str) -> Iterator[SendError]:
    if value is None:
        yield wrong.is_null(path)
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _nulls_inside(inner, f"{path}.{key}")
    elif isinstance(value, list):
        for position, inner in enumerate(value):
            yield from _nulls_inside(inner, f"{path}[{position}]")


def _address_errors(message: dict[str, Any]) -> Iterator[SendError]:
    for role in _ROLES:
        for position, person in enumerate(message.get(role) or ()):
            yield from _person_errors(person, f"{role}[{position}]")
    for name in ("From", "Sender", "ReplyTo", "TemplateErrorReporting"):
        if message.get(name) is not None:
            yield from _person_errors(message[name], name)


def _person_errors(person: dict[str, Any], path: str) -> Iterator[SendError]:
    address = person.get("Email")
    if address is None:
        yield wrong.missing(f"{path}.Email")
    elif not address:
        yield wrong.empty_text(f"{path}.Email")
    elif not is_address(address):
        yield wrong.bad_address(address, f"{path}.Email")


def _size_errors(message: dict[str, Any]) -> Iterator[SendError]:
    for name in ("Attachments", "InlinedAttachments", "Headers", "Variables"):
        if len(message.get(name) or ()) > LIST_ELEMENTS:
            yield wrong.too_many(name)
    yield from _lists_too_long(message.get("Variables"), "Variables")
    for name, most in (("Subject", MOST_SUBJECT), ("URLTags", MOST_URL_TAGS)):
        if len(message.get(name) or "") > most:
            yield wrong.too_long(name, most)


def _lists_too_long(value: Any, path: str) -> Iterator[SendError]:
    if isinstance(value, list) and len(value) > LIST_ELEMENTS:
        yield wrong.too_many(path)
    elif isinstance(value, list | dict):
        inside = value.items() if isinstance(value, dict) else enumerate(value)
        for name, inner in inside:
            yield from _lists_too_long(
                inner, f"{path}.{name}" if isinstance(value, dict) else f"{path}[{name}]"
            )


def _value_errors(message: dict[str, Any]) -> Iterator[SendError]:
    # An empty Subject is taken for none: django-anymail sends one with templates, in its live tests, too.
    for name in ("TextPart", "HTMLPart"):
        if message.get(name) == "":
            yield wrong.empty_text(name)
    for name in ("TrackOpens", "TrackClicks"):
        if message.get(name) is not None and message[name] not in _TRACKING:
            yield wrong.not_allowed(name, ", ".join(_TRACKING))
    if message.get("Priority") is not None and message["Priority"] not in range(4):
        yield wrong.not_allowed("Priority", "0, 1, 2, 3")


def _recipient_presence(message: dict[str, Any]) -> Iterator[SendError]:
    if "To" not in message:
        yield wrong.missing("To")
    elif message["To"] == []:
        yield wrong.empty_array("To")


def _content_errors(message: dict[str, Any], facts: AccountFacts) -> Iterator[SendError]:
    template = message.get("TemplateID")
    if template is None and not any(message.get(part) for part in ("HTMLPart", "TextPart")):
        yield wrong.NO_CONTENT
    if template is not None and any(message.get(part) for part in ("HTMLPart", "TextPart")):
        yield wrong.TWO_CONTENTS
    if message.get("DeduplicateCampaign") and not message.get("CustomCampaign"):
        yield wrong.NO_CAMPAIGN
    for name in _NEED_LANGUAGE:
        if message.get(name) and not message.get("TemplateLanguage"):
            yield wrong.needs_template_language(name)
    if template is not None and facts.check_templates:
        hindrance = facts.template_error(template)
        if hindrance:
            yield hindrance


def _sender_errors(message: dict[str, Any], facts: AccountFacts) -> Iterator[SendError]:
    if message.get("Sender"):
        yield wrong.SENDER_NOT_PERMITTED
    sender = message.get("From")
    if sender is None:
        if message.get("TemplateID") is None:
            yield wrong.missing("From")
        return
    address = sender.get("Email") or ""
    if is_address(address) and not may_send(address, facts.senders):
        yield wrong.sender_unknown(address)
