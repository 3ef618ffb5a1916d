"""How `Globals` and a message become one message (Mailjet's Send API guide)."""

from typing import Any

_MERGED_KEY_BY_KEY = frozenset(
    {"From", "Sender", "ReplyTo", "TemplateErrorReporting", "Headers", "Variables"}
)
_APPENDED = frozenset({"Cc", "Bcc", "Attachments", "InlinedAttachments"})


def merge(shared: dict[str, Any], message: dict[str, Any]) -> dict[str, Any]:
    """The message with what it inherits: its own scalars win, objects merge by key, arrays are appended."""
    merged = {name: value for name, value in shared.items() if name != "To"}
    for name, value in message.items():
        merged[name] = _joined(name, merged.get(name), value)
    return merged


def _joined(name: str, inherited: Any, own: Any) -> Any:
    if name in _MERGED_KEY_BY_KEY and isinstance(inherited, dict) and isinstance(own, dict):
        return {**inherited, **own}
    if name in _APPENDED and isinstance(inherited, list) and isinstance(own, list):
        return [*inherited, *own]
    return own
