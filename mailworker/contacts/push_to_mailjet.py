"""Pushing to Mailjet what changed: a few contacts at once by hand, many in an import."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from mailworker.contacts.dependencies import ContactDependencies
from mailworker.contacts.halve_refused_batch import halve_or_refuse
from mailworker.contacts.move_and_erase_at_mailjet import AddressChange
from mailworker.contacts.properties_and_lists import PropertyRegistry
from mailworker.core.plural import counted
from mailworker.errors import (
    Misconfigured,
    PermanentError,
    Refused,
    Throttled,
    TransientError,
    UnknownOutcome,
)
from mailworker.ledger import contact_push_queue
from mailworker.limits import NoCallFree
from mailworker.mailjet import contact_calls as mailjet
from mailworker.mailjet.contact_calls import ListAction, MailjetContact
from mailworker.rules.contact_sync_cost_and_pauses import BY_HAND, CHUNK, poll_pause

#: So many imports at Mailjet at a time: each of them costs calls to follow.
MAX_RUNNING = 8
#: How long contacts wait while a person has to mend the configuration.
_UNTIL_MENDED = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class PushResult:
    """One step: how many contacts were handed over, and what a person should read."""

    contacts: int = 0
    alarm: str | None = None


class ContactPusher:
    """Takes contacts that wait, and pushes them to Mailjet."""

    def __init__(self, deps: ContactDependencies, names: PropertyRegistry) -> None:
        self._deps = deps
        self._names = names
        self._address_change = AddressChange(deps, names)

    def push_once(self) -> PushResult | None:
        """One call's worth of contacts; None where nothing waits, or enough is on its way.

        Raises NoCallFree where mail takes all calls, and what the ledger raises.
        """
        now = self._deps.clock()
        call_id = str(uuid.uuid4())
        with self._deps.ledger.write() as connection:
            if contact_push_queue.running(connection) >= MAX_RUNNING:
                return None
            rows = contact_push_queue.claim(
                connection, call_id, now=now, until=now + self._deps.lease, limit=CHUNK
            )
        if not rows:
            return None
        try:
            self._push(call_id, rows, now)
        except PermanentError as error:
            return self._refused(call_id, rows, error)
        except (TransientError, UnknownOutcome) as error:
            return self._not_now(call_id, error)
        return PushResult(len(rows))

    def _push(self, call_id: str, rows: Sequence[Mapping[str, Any]], now: datetime) -> None:
        row, *_ = rows  # all of one task; those beside "tell" travel alone
        task = row["task"]
        if task == "erase":
            self._address_change.erase(call_id, row["email"])
        elif task == "bar":
            self._address_change.bar(call_id, row["email"])
        elif task == "move":
            self._address_change.move(call_id, row)
        elif len(rows) <= BY_HAND:
            self._by_hand(call_id, rows, now)
        else:
            self._import(call_id, rows, now)

    def _by_hand(self, call_id: str, rows: Sequence[Mapping[str, Any]], now: datetime) -> None:
        refused: dict[str, str] = {}
        for row in rows:
            try:
                self._one(row, now)
            except Refused as error:
                self._names.forget()
                refused[row["email"]] = str(error)
        with self._deps.ledger.write() as connection:
            contact_push_queue.finish(connection, call_id, refused, now=self._deps.clock())

    def _one(self, row: Mapping[str, Any], now: datetime) -> None:
        deps = self._deps
        contact = _contact(row, self._properties([row], now))
        on, off = self._lists(row, now)
        number = None
        for list_id in on:
            number = mailjet.manage_contact(deps.api, list_id, contact)
            contact = MailjetContact(contact.email)
        for list_id in off:
            mailjet.manage_contact(deps.api, list_id, contact, action=ListAction.REMOVE)
        excluded = exclusion(row)
        if number is not None and excluded is not None:
            mailjet.exclude_from_campaigns(deps.api, number, excluded=excluded)

    def _import(self, call_id: str, rows: Sequence[Mapping[str, Any]], now: datetime) -> None:
        known = self._properties(rows, now)
        contacts = [_contact(row, known) for row in rows]
        on, off = self._lists(next(iter(rows)), now)  # all of one audience
        job = mailjet.start_import(self._deps.api, contacts, on, remove_from=off)
        with self._deps.ledger.write() as connection:
            contact_push_queue.started(connection, call_id, job, poll_at=self._deps.clock() + poll_pause(0))

    def _properties(self, rows: Sequence[Mapping[str, Any]], now: datetime) -> Collection[str]:
        """All properties at Mailjet, these contacts' own among them."""
        return self._names.properties({name for row in rows for name in row["properties"]}, now=now)

    def _lists(self, row: Mapping[str, Any], now: datetime) -> tuple[list[int], list[int]]:
        """The numbers of the lists that it joins, and of those that it leaves."""
        name = self._deps.settings.list_name
        on = self._names.lists([name(one) for one in row["lists"]], now=now)
        leaves = [name(one) for one in row["told_lists"] if one not in row["lists"]]
        return list(on.values()), list(self._names.known_lists(leaves, now=now).values())

    def _refused(self, call_id: str, rows: Sequence[Mapping[str, Any]], error: PermanentError) -> PushResult:
        self._names.forget()
        with self._deps.ledger.write() as connection:
            halve_or_refuse(connection, call_id, len(rows), str(error), now=self._deps.clock())
        return PushResult(alarm=f"Mailjet refused a call about {counted(len(rows), 'contact')}: {error}")

    def _not_now(self, call_id: str, error: TransientError | UnknownOutcome) -> PushResult:
        """The same again later. What may have arrived is pushed again: twice the same changes nothing."""
        now, why = self._deps.clock(), str(error)
        if isinstance(error, Throttled) and not isinstance(error, NoCallFree):
            self._deps.bucket.pause(error.retry_after)
        with self._deps.ledger.write() as connection:
            if isinstance(error, Misconfigured):
                contact_push_queue.give_back(connection, call_id, due_at=now + _UNTIL_MENDED, why=why)
            elif isinstance(error, Throttled):
                due_at = now + timedelta(seconds=error.retry_after)
                contact_push_queue.give_back(connection, call_id, due_at=due_at, why=why)
            else:
                contact_push_queue.failed(connection, call_id, why=why, now=now)
        return PushResult(alarm=str(error) if isinstance(error, Misconfigured) else None)


def _contact(row: Mapping[str, Any], known: Collection[str]) -> MailjetContact:
    cleared = {name: None for name in row["told_names"] if name in known}
    return MailjetContact(row["email"], row["name"], cleared | row["properties"], exclusion(row))


def exclusion(row: Mapping[str, Any]) -> bool | None:
    """Whether to set the exclusion from campaigns. It is only taken back where we set it ourselves."""
    if contact_push_queue.is_excluded(row):
        return True
    return False if row["told_excluded"] and not row["left_out"] else None
