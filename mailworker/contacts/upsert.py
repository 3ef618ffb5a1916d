"""The CRM's contacts, kept in the ledger; what follows for Mailjet waits there to be pushed."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from mailworker.config.contacts import ContactSettings
from mailworker.contacts.opt_outs_follow_address import follow_moves
from mailworker.contacts.upsert_rows import EntryChanges
from mailworker.core.summable import Summable
from mailworker.ledger import crm_contact_rows, mailjet_contact_rows
from mailworker.ledger.readdress_waiting_mail import note_left
from mailworker.ledger.recipient_standings import suppressed
from mailworker.ledger.suppressions import suppress
from mailworker.rules.contact_diff import (
    Company,
    ContactPerson,
    ContactRules,
    Property,
    TargetContact,
    audience_of,
    target_of,
)
from mailworker.rules.property_values import PropertyType
from mailworker.rules.pseudonym import pseudonym


@dataclass(frozen=True, slots=True)
class UpsertResult(Summable):
    """What an upsert changed: addresses new to Mailjet, changed, removed; older copies ignored."""

    new: int = 0
    changed: int = 0
    removed: int = 0
    unchanged: int = 0
    stale: int = 0


def rules_of(settings: ContactSettings) -> ContactRules:
    """What is synchronised."""
    properties = tuple(
        Property(name, block.source, PropertyType(block.type)) for name, block in settings.properties.items()
    )
    return ContactRules(properties, settings.custom_fields, settings.consent)


class ContactUpsert:
    """Upserts the CRM's contacts. `debounce` is how long a change waits for others of the same contact."""

    def __init__(self, rules: ContactRules, debounce: timedelta) -> None:
        self._rules = rules
        self._debounce = debounce

    def upsert(
        self,
        connection: Connection,
        people: Sequence[ContactPerson],
        companies: Sequence[Company],
        *,
        now: datetime,
        thorough: bool = False,
    ) -> UpsertResult:
        """Keep what is newer than what is known, and note what has to be pushed because of it.

        `thorough` looks at all of them again, new or not: the configuration may have changed.
        """
        crm_contact_rows.alone(connection)
        changed_companies, old_companies = self._companies(connection, companies)
        known = crm_contact_rows.known_people(connection, {one.contact_id for one in people})
        fresh, moves, old_people = self._people(connection, people, known, now)
        follow_moves(connection, fresh, known, now=now)
        touched = {one.email for one in fresh} | set(moves.values())
        if changed_companies:
            touched |= crm_contact_rows.addresses_of(connection, changed_companies)
        if thorough:
            now_known = known | {one.contact_id: one for one in fresh}
            touched |= {one.email for one in now_known.values()}
        done = self.refresh(connection, touched, now=now, moves=moves)
        unchanged = len({one.email for one in people} - touched) if people else 0
        return done + UpsertResult(unchanged=unchanged, stale=old_companies + old_people)

    def erase(self, connection: Connection, email: str, *, now: datetime) -> None:
        """Forget this address here, and note that Mailjet has to."""
        crm_contact_rows.alone(connection)
        crm_contact_rows.erase_people(connection, email, pseudonym(email), now)
        row = mailjet_contact_rows.entries(connection, [email]).get(email)
        if row is not None and (row["unsubscribed_at"] is not None or row["left_out"]):
            # Who opted out stays out, though nothing else is kept of them.
            suppress(connection, pseudonym(email), reason="unsubscribed", source="mailjet", now=now)
        if row is None:
            unknown = self._new(email, TargetContact(), now)
            mailjet_contact_rows.add_entries(connection, [unknown | {"task": "erase", "due_at": now}])
            return
        change = _wanted_columns(TargetContact(), now) | {
            "email": email,
            "task": "erase",
            "state": _unless_flying(row, "pending"),
            "waits_for": None,
            "moved_from": None,
            "error": None,
            "due_at": now,
        }
        mailjet_contact_rows.change_entries(connection, [change])

    def forget_silent(self, connection: Connection, *, known_before: datetime, now: datetime) -> UpsertResult:
        """Contacts that the CRM did not speak of are gone there; up to a thousand at a time."""
        crm_contact_rows.alone(connection)
        gone = crm_contact_rows.forget_silent(connection, known_before=known_before)
        note_left(connection, gone, now)
        return self.refresh(connection, {one.email for one in gone}, now=now, moves={})

    def refresh(
        self, connection: Connection, emails: Collection[str], *, now: datetime, moves: Mapping[str, str]
    ) -> UpsertResult:
        """Work out anew what Mailjet should know of these addresses. `moves`: new address, former one."""
        leaving = {old: new for new, old in moves.items()}
        moving = moves.keys() | leaving.keys()
        people = crm_contact_rows.people_at(connection, emails)
        before = mailjet_contact_rows.fingerprints(connection, emails)
        listed = suppressed(connection, emails)
        wishes = {
            email: replace(target_of(people[email], self._rules), barred=listed.get(email))
            for email in emails
        }
        # Most of what a full sync reads is unchanged: only the others' rows are read whole.
        news = [
            email for email in emails if email in moving or wishes[email].fingerprint != before.get(email)
        ]
        rows = mailjet_contact_rows.entries(connection, news)
        done, changes = UpsertResult(unchanged=len(emails) - len(news)), EntryChanges()
        for email in sorted(news, key=lambda one: one in moves):  # the former addresses first
            wanted = wishes[email]
            row = rows.get(email)
            came_from = _moving(rows.get(moves.get(email, "")))
            if row is None:
                done += self._meet(email, wanted, came_from, changes, now)
            else:
                done += self._change(row, wanted, came_from, leaving.get(email), changes, now)
        changes.write(connection)
        return done

    def _companies(self, connection: Connection, companies: Sequence[Company]) -> tuple[set[str], int]:
        newest = _newest(companies, "customer_id")
        known = crm_contact_rows.known_companies(connection, newest)
        fresh = [
            one
            for key, one in newest.items()
            if key not in known or not one.stamp.is_older_than(known[key].stamp)
        ]
        changed = [one for one in fresh if known.get(one.customer_id) != one]
        crm_contact_rows.write_companies(connection, changed)
        return {one.customer_id for one in changed}, len(companies) - len(fresh)

    def _people(
        self,
        connection: Connection,
        people: Sequence[ContactPerson],
        known: Mapping[str, ContactPerson],
        now: datetime,
    ) -> tuple[list[ContactPerson], dict[str, str], int]:
        newest = _newest(people, "contact_id")
        gone = crm_contact_rows.erased_at(connection, {pseudonym(one.email) for one in newest.values()})
        fresh = [
            one
            for key, one in newest.items()
            if (key not in known or not one.stamp.is_older_than(known[key].stamp))
            and not (pseudonym(one.email) in gone and one.stamp.at <= gone[pseudonym(one.email)])
        ]
        changed = [one for one in fresh if known.get(one.contact_id) != one]
        crm_contact_rows.write_people(connection, changed, now)
        crm_contact_rows.still_there(connection, [key for key in newest if key in known], now)
        moves = {
            one.email: known[one.contact_id].email
            for one in changed
            if one.contact_id in known and known[one.contact_id].email != one.email
        }
        return changed, moves, len(people) - len(fresh)

    def _meet(
        self,
        email: str,
        wanted: TargetContact,
        came_from: dict[str, Any],
        changes: EntryChanges,
        now: datetime,
    ) -> UpsertResult:
        if not wanted.lists:
            return UpsertResult()
        changes.new.append(self._new(email, wanted, now) | came_from)
        return UpsertResult(new=1)

    def _change(  # noqa: PLR0917 - one row, and all that is known of it
        self,
        row: Mapping[str, Any],
        wanted: TargetContact,
        came_from: dict[str, Any],
        goes_to: str | None,
        changes: EntryChanges,
        now: datetime,
    ) -> UpsertResult:
        email = row["email"]
        if wanted.fingerprint == row["fingerprint"] and not goes_to and not came_from:
            return UpsertResult(unchanged=1)
        if not wanted.lists and row["task"] == "bar":
            return UpsertResult(unchanged=1)
        if not wanted.lists and not _known_to_mailjet(row):
            changes.dropped.append((email, goes_to))
            return UpsertResult(removed=1)
        change = _wanted_columns(wanted, now) | {
            "email": email,
            "audience": audience_of(wanted.lists, row["told_lists"]),
            "due_at": row["due_at"] if row["state"] == "pending" else now + self._debounce,
            "state": self._state(row, wanted),
            "task": "erase" if row["task"] == "erase" and not row["waits_for"] else _task(row, wanted),
            "moved_from": row["moved_from"],
            "waits_for": None,
            "tries": 0,
            "error": None,
        }
        if came_from and change["task"] == "tell":
            change |= {**came_from, "state": _unless_flying(row, "pending")}
        if goes_to and not wanted.lists:
            change |= {"task": "erase", "waits_for": goes_to, "state": _unless_flying(row, "waiting")}
            changes.passed_on.append((email, goes_to))
        changes.changed.append(change)
        return UpsertResult(changed=1) if wanted.lists else UpsertResult(removed=1)

    def _state(self, row: Mapping[str, Any], wanted: TargetContact) -> str:
        if row["state"] == "flying":
            return "flying"
        back_in_step = row["told"] == wanted.fingerprint and row["task"] == "tell"
        known_lists = sorted(row["told_lists"]) == sorted(wanted.lists)
        return "in_step" if back_in_step and known_lists else "pending"

    def _new(self, email: str, wanted: TargetContact, now: datetime) -> dict[str, Any]:
        return mailjet_contact_rows.new_entry(
            email=email,
            task="tell",
            audience=audience_of(wanted.lists, ()),
            due_at=now + self._debounce,
            **_wanted_columns(wanted, now),
        )


def _wanted_columns(wanted: TargetContact, now: datetime) -> dict[str, Any]:
    return {
        "name": wanted.name,
        "properties": dict(wanted.properties),
        "lists": list(wanted.lists),
        "excluded": wanted.excluded,
        "barred": wanted.barred,
        "fingerprint": wanted.fingerprint,
        "note": "; ".join(wanted.notes) or None,
        "changed_at": now,
    }


def _task(row: Mapping[str, Any], wanted: TargetContact) -> str:
    """A move goes on while the address belongs to somebody; an erasure that has not begun is taken back."""
    return "move" if row["task"] == "move" and wanted.lists else "tell"


def _known_to_mailjet(row: Mapping[str, Any]) -> bool:
    return row["told"] is not None or row["sent"] is not None


def _moving(former: Mapping[str, Any] | None) -> dict[str, Any]:
    """What a new address takes over: the task to copy, or the former address's own unfinished move."""
    if former is None:
        return {}
    came_from = former["email"] if _known_to_mailjet(former) else former["moved_from"]
    return {"task": "move", "moved_from": came_from} if came_from else {}


def _unless_flying(row: Mapping[str, Any], state: str) -> str:
    return "flying" if row["state"] == "flying" else state


def _newest(records: Iterable[Any], key: str) -> dict[str, Any]:
    """Of several copies of one record, the newest; the later one where they are equally old."""
    found: dict[str, Any] = {}
    for one in records:
        name = getattr(one, key)
        if name not in found or not one.stamp.is_older_than(found[name].stamp):
            found[name] = one
    return found
