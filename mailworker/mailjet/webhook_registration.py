"""Where Mailjet posts its events: one `eventcallbackurl` row for each event and backup flag.

A second row for the same event is refused with MJ18, so rows are listed before anything is written. A URL
that Mailjet gave up on (`dead`) lives again only when a URL is set anew (Event API guide).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from mailworker.mailjet.rest_api import RestApi, RestCall
from mailworker.mailjet.rest_rows import number_of, rows_of, truth_of

#: The events that the ledger follows; Mailjet keeps one callback URL for each.
WEBHOOK_EVENTS = ("sent", "open", "click", "bounce", "blocked", "spam", "unsub")
#: Events of the last second in one post. Version 1 posts each by itself.
GROUPED = 2


@dataclass(frozen=True, slots=True)
class Callback:
    """One event's registration at Mailjet. The URL holds a password: show `where` instead."""

    event: str
    url: str
    id: int | None = None
    alive: bool = True
    version: int = GROUPED
    backup: bool = False

    @property
    def where(self) -> str:
        """The URL without user, password and query; a question mark where it is none."""
        try:
            parts = urlsplit(self.url)
            port = f":{parts.port}" if parts.port else ""
        except ValueError:
            return "?"
        return f"{parts.scheme}://{parts.hostname or '?'}{port}{parts.path}"

    def is_as_wanted(self, url: str) -> bool:
        """Whether Mailjet posts this event to `url`, grouped, and has not given up."""
        return (self.url, self.alive, self.version) == (url, True, GROUPED)


def callbacks(api: RestApi) -> list[Callback]:
    """All registrations of this API key, ours and others'. One call."""
    rows = rows_of(api.rest(RestCall("eventcallbackurl", filters={"Limit": 100})))
    return [_callback(row) for row in rows]


def changes(known: Iterable[Callback], url: str) -> list[Callback]:
    """What has to be written so that every event is posted to `url`; with `id` where a row is there."""
    ours = {one.event: one for one in known if not one.backup}
    return [
        replace(ours[event], url=url, version=GROUPED, alive=ours[event].alive or ours[event].url != url)
        if event in ours
        else Callback(event, url)
        for event in WEBHOOK_EVENTS
        if event not in ours or not ours[event].is_as_wanted(url)
    ]


def others(known: Iterable[Callback], url: str) -> dict[str, str]:
    """By event where Mailjet posts it now, where that is not `url`, whatever the password."""
    here = Callback("", url).where
    return {
        one.event: one.where
        for one in known
        if one.event in WEBHOOK_EVENTS and not one.backup and one.where != here
    }


def write(api: RestApi, wanted: Sequence[Callback]) -> None:
    """Write these registrations. One call each, and one more where the very same URL is dead.

    A dead one lives again by a new URL only: so it gets another query first, which our webhook ignores.
    """
    for one in wanted:
        row = {"Url": one.url, "Version": one.version, "Status": "alive"}
        for url in (one.url,) if one.alive else (f"{one.url}{'&' if '?' in one.url else '?'}again", one.url):
            if one.id is not None:
                api.rest(RestCall("eventcallbackurl", "PUT", id=one.id, data=row | {"Url": url}))
            else:
                key = {"EventType": one.event, "IsBackup": one.backup}
                api.rest(RestCall("eventcallbackurl", "POST", data=key | row))


def _callback(row: Any) -> Callback:
    return Callback(
        event=str(row.get("EventType")),
        url=str(row.get("Url") or ""),
        id=number_of(row),
        alive=str(row.get("Status")).lower() == "alive",
        version=GROUPED if str(row.get("Version")) == "2" else 1,
        backup=truth_of(row, "IsBackup") is True,
    )
