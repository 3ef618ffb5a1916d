"""`eventcallbackurl`: where events are posted to, one row for each event type and backup flag."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import SplitResult, urlsplit

from mailworker.simulator.api_answers import ApiRefusal, legacy_error
from mailworker.simulator.rest_tables import Table
from mailworker.simulator.settings import is_loopback

EVENT_TYPES = ("click", "bounce", "spam", "blocked", "unsub", "open", "sent")
_FIRST_ID = 4001


def callback_table() -> Table:
    """An empty table; a second row for the same event and backup flag is refused (recorded: MJ18)."""
    defaults = {
        "APIKeyID": 1,
        "EventType": "open",
        "IsBackup": False,
        "Status": "alive",
        "Url": "",
        "Version": 1,
    }
    return Table("EventCallbackURL", ("EventType", "IsBackup"), defaults, _FIRST_ID, ("EventType", "Url"))


def check_callback(values: Mapping[str, Any]) -> None:
    """Raise ApiRefusal for a row that is wrong. A target off this machine is: this is a local Mailjet."""
    kind = values.get("EventType")
    if kind is not None and kind not in EVENT_TYPES:
        raise ApiRefusal(legacy_error(400, f'Invalid value for EventType: "{kind}"'))
    url = values.get("Url")
    if url is None:
        return
    parts = _parts(url)
    if parts is None:
        raise ApiRefusal(legacy_error(400, "Invalid Url: it needs http:// or https:// and a host."))
    if not is_loopback(parts.hostname or ""):
        text = "The local Mailjet posts events to this machine only (127.0.0.1, ::1, localhost)."
        raise ApiRefusal(legacy_error(400, text))


def _parts(url: Any) -> SplitResult | None:
    """The URL taken apart, where it is one that can be posted to."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except (ValueError, AttributeError, TypeError):
        return None
    return parts if usable else None
