"""Step 1 of a send call: has every property its JSON type? One that has not refuses the whole call."""

from collections.abc import Iterator, Mapping
from typing import Any

from mailworker.simulator.case_insensitive import spell
from mailworker.simulator.send_errors import SendError, wrong_type

_TEXT = ("string", str)
_NUMBER = ("int", int)
_FLAG = ("bool", bool)
_PERSON = ("emailIn", dict)

#: Property -> the type's name in Mailjet's message, and Python's type for it.
_MESSAGE: Mapping[str, tuple[str, type]] = {
    **dict.fromkeys(("From", "Sender", "ReplyTo", "TemplateErrorReporting"), _PERSON),
    **dict.fromkeys(("To", "Cc", "Bcc"), ("emailsIn", list)),
    **dict.fromkeys(("Subject", "TextPart", "HTMLPart", "CustomID", "EventPayload", "CustomCampaign"), _TEXT),
    **dict.fromkeys(("URLTags", "MonitoringCategory", "TrackOpens", "TrackClicks"), _TEXT),
    **dict.fromkeys(("TemplateID", "Priority", "StatisticsContactsListID"), _NUMBER),
    **dict.fromkeys(("TemplateLanguage", "TemplateErrorDeliver", "DeduplicateCampaign"), _FLAG),
    **dict.fromkeys(("Attachments", "InlinedAttachments"), ("Attachments", list)),
    "Variables": ("object", dict),
    "Headers": ("object", dict),
}
_PEOPLE = ("To", "Cc", "Bcc")
_FILES = ("Attachments", "InlinedAttachments")
_INNER = ("Email", "Name", "ContentType", "Filename", "Base64Content", "ContentID")
_ROOT = ("Messages", "Globals", "SandboxMode", "AdvanceErrorHandling")


def spelled(document: Any) -> Any:
    """The call with its properties in the guide's capitals; Symfony posts `SandBoxMode`."""
    if not isinstance(document, dict):
        return document
    call = spell(document, _ROOT)
    if isinstance(call.get("Globals"), dict):
        call["Globals"] = _spelled_message(call["Globals"])
    if isinstance(call.get("Messages"), list):
        call["Messages"] = [_spelled_message(one) for one in call["Messages"]]
    return call


def _spelled_message(message: Any) -> Any:
    if not isinstance(message, dict):
        return message
    found = spell(message, _MESSAGE)
    for name, value in found.items():
        if name in (*_PEOPLE, *_FILES) and isinstance(value, list):
            found[name] = [spell(one, _INNER) if isinstance(one, dict) else one for one in value]
        elif _MESSAGE.get(name) == _PERSON and isinstance(value, dict):
            found[name] = spell(value, _INNER)
    return found


def call_type_error(document: Any) -> SendError | None:
    """The first property of the wrong type in the call, or None."""
    if not isinstance(document, dict):
        return wrong_type("Messages", "object")
    return next(_call_errors(document), None)


def _call_errors(document: dict[str, Any]) -> Iterator[SendError]:
    for flag in ("SandboxMode", "AdvanceErrorHandling"):
        if flag in document and not isinstance(document[flag], bool):
            yield wrong_type(flag, "bool")
    given = document.get("Globals", {})
    yield from (
        _message_errors(given, "Globals") if isinstance(given, dict) else [wrong_type("Globals", "object")]
    )
    messages = document.get("Messages")
    if not isinstance(messages, list):
        yield wrong_type("Messages", "Messages")
    else:
        for message in messages:
            yield from (
                _message_errors(message, "Messages")
                if isinstance(message, dict)
                else [wrong_type("Messages", "message")]
            )


def _message_errors(message: dict[str, Any], root: str) -> Iterator[SendError]:
    for name, value in message.items():
        known = _MESSAGE.get(name)
        if known is None or value is None:
            continue
        if not _is(value, known[1]):
            yield wrong_type(f"{root}.{name}", known[0])
        else:
            yield from _inner_errors(name, value, root)


def _inner_errors(name: str, value: Any, root: str) -> Iterator[SendError]:
    if name in _PEOPLE:
        if not all(isinstance(one, dict) and _texts(one, ("Email", "Name")) for one in value):
            yield wrong_type(f"{root}.{name}", "emailIn")
    elif name in _FILES:
        keys = ("ContentType", "Filename", "Base64Content", "ContentID")
        if not all(isinstance(one, dict) and _texts(one, keys) for one in value):
            yield wrong_type(f"{root}.{name}", name)
    elif name == "Headers":
        if not all(isinstance(one, str | None) for one in value.values()):
            yield wrong_type(f"{root}.Headers", "string")
    elif isinstance(value, dict) and name != "Variables" and not _texts(value, ("Email", "Name")):
        yield wrong_type(f"{root}.{name}", "emailIn")


def _texts(value: dict[str, Any], keys: tuple[str, ...]) -> bool:
    return all(isinstance(value.get(key), str | None) for key in keys)


def _is(value: Any, wanted: type) -> bool:
    if wanted is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, wanted)
