"""Posts events to the registered URLs: gathered for a second, repeated until answered 200, at most a day."""

import asyncio
import json
from base64 import b64encode
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import unquote, urlsplit

from mailworker.core.clock import utc_now
from mailworker.simulator.event_documents import first_events, happen
from mailworker.simulator.rest_tables import Row
from mailworker.simulator.state import SimulatorState

#: Seconds, as Mailjet's Event API guide has them; the settings' event_time_scale shrinks them all.
_GATHER = 1.0
_RETRY = 30.0
_GIVE_UP = 24 * 3600.0
_ANSWER_SECONDS = 10


class EventPoster:
    """One background task that empties the outbox, and one for each group that is on its way."""

    def __init__(self, world: SimulatorState) -> None:
        self._world = world
        self._scale = world.settings.event_time_scale
        self._on_the_way: set[asyncio.Task[None]] = set()

    async def work(self) -> None:
        """Run until cancelled."""
        try:
            while True:
                await self._world.outbox.awake.wait()
                await asyncio.sleep(_GATHER * self._scale)
                self._send_off()
        finally:
            for task in self._on_the_way:
                task.cancel()

    def _send_off(self) -> None:
        mails, groups = self._world.outbox.take()
        own = [
            happen(self._world, mail, event)
            for mail in mails
            for event in first_events(self._world, mail, utc_now())
        ]
        for group in ([own] if own else []) + groups:
            for row, events in self._by_url(group):
                task = asyncio.create_task(self._deliver(row, events))
                self._on_the_way.add(task)
                task.add_done_callback(self._on_the_way.discard)

    def _by_url(self, events: list[Row]) -> list[tuple[Row, list[Row]]]:
        """Events grouped by the URL they go to, order kept; those that nobody registered for are dropped."""
        groups: dict[str, tuple[Row, list[Row]]] = {}
        for event in events:
            row = self._row_for(event["event"])
            if row is not None:
                groups.setdefault(row["Url"], (row, []))[1].append(event)
        return list(groups.values())

    def _row_for(self, name: str) -> Row | None:
        rows = [row for row in self._world.callbacks.rows.values() if row["EventType"] == name]
        alive = [row for row in rows if row["Status"] == "alive" and row["Url"]]
        return min(alive, key=lambda row: bool(row["IsBackup"]), default=None)

    async def _deliver(self, row: Row, events: list[Row]) -> None:
        bodies = [events] if row["Version"] == 2 else events
        for body in bodies:
            await self._deliver_one(row, body)

    async def _deliver_one(self, row: Row, body: Any) -> None:
        waited = 0.0
        while not await asyncio.to_thread(post, row["Url"], body):
            if waited >= _GIVE_UP:
                row["Status"] = "dead"
                return
            await asyncio.sleep(_RETRY * self._scale)
            waited += _RETRY


def post(url: str, body: Any) -> bool:
    """Post JSON with the URL's own credentials; True only where it was answered with 200."""
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    connection = (HTTPSConnection if secure else HTTPConnection)(
        parts.hostname or "", parts.port, timeout=_ANSWER_SECONDS
    )
    headers = {"Content-Type": "application/json"}
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers["Authorization"] = "Basic " + b64encode(pair.encode()).decode()
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request("POST", target, json.dumps(body), headers)
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
