"""Campaigns that our workers send: a message for each contact, in the bulk lane.

What was written and how far that is are one transaction, so a campaign that is killed goes on where it was;
and each contact has one key, so nobody gets it twice whatever happens. It goes by address, and at its end
through those once more that changed meanwhile: an address may have moved behind its back. Only some thousand
messages wait at a time: a pause or a cancel takes effect at once.
"""

import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection

from mailworker.campaigns.count_audience import AudienceCount, in_segment
from mailworker.core.kind import Kind
from mailworker.core.lane import Lane
from mailworker.core.message import Address, Job
from mailworker.core.states import State
from mailworker.errors import BadInput, MailworkerError
from mailworker.ledger import Ledger, campaign_audience, campaign_rows
from mailworker.ledger.insert_messages import AcceptVerdict, accept
from mailworker.ledger.recipient_standings import standings
from mailworker.rules.campaign_rules import (
    LATEST_START,
    NOT_ASKED,
    CampaignState,
    key_of,
    key_of_test,
    variable_sources,
)
from mailworker.rules.job.check_job import kept_language
from mailworker.rules.job.check_variables import check_variables
from mailworker.rules.job.idempotency_key import message_id
from mailworker.rules.recipient_gate import Purpose, refusal
from mailworker.rules.segments import Segment

Row = Mapping[str, Any]

#: Contacts looked at in one transaction.
AT_ONCE = 500
#: So many messages of the bulk lane may wait before a campaign writes more.
WINDOW = 5_000
#: In a campaign's content: whether all contacts were looked at, and only those that changed since are left.
_LATE = "late"


class WorkerCampaigns:
    """Writes campaigns as messages. `row_of` makes a job a row of the ledger.

    `language` is the one of contacts of whom the CRM names none.
    """

    def __init__(
        self,
        ledger: Ledger,
        audiences: AudienceCount,
        kinds: Mapping[str, Kind],
        row_of: Callable[[Job, datetime], Mapping[str, Any]],
        clock: Callable[[], datetime],
        *,
        language: str = "fr",
    ) -> None:
        self._ledger = ledger
        self._language = language
        self._audiences = audiences
        self._kinds = kinds
        self._row_of = row_of
        self._clock = clock
        self._segments: dict[str, Segment] = {}

    def step(self, demand: Callable[[Row], None]) -> bool:
        """Write the next messages of every campaign under way; False where there is nothing to do now.

        `demand` is asked before a scheduled one begins: it raises BadInput where that must not be sent.
        """
        now = self._clock()
        with self._ledger.read() as connection:
            rows = campaign_rows.in_progress(connection, "workers", now)
        moved = [self._go_on(row, now, demand) for row in rows]  # each of them, not only the first that can
        return any(moved)

    def test(self, row: Row, emails: Sequence[str]) -> None:
        """Write it to these addresses, with the values of contacts of the campaign's own segment."""
        kind = self._kind(row)
        with self._ledger.read() as connection:
            sample = campaign_audience.contacts_after(connection, "", limit=AT_ONCE)
        segment, now = self._segment(row), self._clock()
        example = next(
            (one for one in sample if in_segment(one, segment, row["contact_type"], now=now)),
            {"email": emails[0], "name": "", "properties": {}},
        )
        jobs = []
        for email in emails:
            key = key_of_test(row["id"], str(uuid.uuid4()))
            variables = _variables(kind, row["content"]["values"], {**example, "email": email})
            complete = {one.name: variables.get(one.name, "") for one in kind.variables}
            jobs.append(self._job(row, key, Address(email), complete, self._language))
        with self._ledger.write() as connection:
            accept(connection, [self._row_of(job, now) for job in jobs], now)

    def pause(self, row: Row) -> int:
        """Stop writing, and hold what waits."""
        return self._shift(row, CampaignState.PAUSED, (State.READY,), State.HELD, "its campaign was paused")

    def resume(self, row: Row) -> int:
        """Go on, with what was held first."""
        return self._shift(row, CampaignState.SENDING, (State.HELD,), State.READY, "its campaign was resumed")

    def cancel(self, row: Row) -> int:
        """Stop for good, and cancel what waits."""
        states = (State.READY, State.HELD)
        return self._shift(
            row, CampaignState.CANCELLED, states, State.CANCELLED, "its campaign was cancelled"
        )

    def _shift(self, row: Row, target: CampaignState, old: Sequence[State], new: State, why: str) -> int:
        now = self._clock()
        with self._ledger.write() as connection:
            if not campaign_rows.move(connection, row["id"], row["state"], str(target), now=now, note=None):
                raise BadInput(f"{row['name']}: somebody else has just changed it; look at it again.")
            return sum(
                campaign_rows.shift(connection, row["id"], state, new, why=why, now=now) for state in old
            )

    def _go_on(self, row: Row, now: datetime, demand: Callable[[Row], None]) -> bool:
        """One campaign that cannot go on is paused with the reason; the others do not wait for it."""
        if row["state"] == "scheduled":
            return self._begin(row, now, demand)
        try:
            return self._advance(row, now)
        except BadInput as fault:
            with self._ledger.write() as connection:
                campaign_rows.move(connection, row["id"], "sending", "paused", now=now, note=str(fault))
            return False

    def _begin(self, row: Row, now: datetime, demand: Callable[[Row], None]) -> bool:
        """Begin a scheduled one, or make it a draft again, with the reason for whom looks after it.

        Where Mailjet cannot be asked now, it is asked at the next step, until it is too late to begin.
        """
        late = now - row["send_at"] > LATEST_START
        target, more = (CampaignState.DRAFT, {"note": _missed(row)}) if late else _asked(row, now, demand)
        if (target, more.get("note")) == (row["state"], row["note"]):
            return False
        with self._ledger.write() as connection:
            moved = campaign_rows.move(connection, row["id"], row["state"], str(target), now=now, **more)
        return moved and target is CampaignState.SENDING

    def _advance(self, row: Row, now: datetime) -> bool:
        segment = self._segment(row)
        with self._ledger.write() as connection:
            campaign = campaign_rows.lock(connection, row["id"])
            if campaign is None:
                return False
            if campaign["finished_at"] is None:
                return self._write_some(connection, campaign, segment, now)
            if campaign_rows.anything_open(connection, row["id"]):
                return False
            return campaign_rows.move(connection, row["id"], "sending", "sent", now=now)

    def _write_some(self, connection: Connection, campaign: Row, segment: Segment, now: datetime) -> bool:
        if campaign_rows.waiting_in_bulk(connection, at_most=WINDOW) >= WINDOW:
            return False
        content, late = campaign["content"], campaign["content"].get(_LATE, False)
        since = campaign["started_at"] if late else None
        page = campaign_audience.contacts_after(
            connection, campaign["checkpoint"] or "", limit=AT_ONCE, changed_since=since
        )
        members = [row for row in page if in_segment(row, segment, campaign["contact_type"], now=now)]
        known = standings(connection, [row["email"] for row in members])
        emails = {row["email"] for row in members}
        ids = campaign_audience.owners(connection, emails)
        languages = campaign_audience.languages(connection, emails)
        # Whose contact was merged or made anew has another id, and got it all the same.
        written_to = campaign_rows.written_to(connection, campaign["id"], emails)
        jobs = [
            job
            for row in members
            if refusal(known[row["email"]], Purpose.CAMPAIGN) is None
            and row["email"] not in written_to
            and (job := self._message(campaign, row, ids[row["email"]], languages)) is not None
        ]
        accepted = accept(connection, [self._row_of(job, now) for job in jobs], now)
        written = sum(one.verdict is AcceptVerdict.NEW for one in accepted)
        progress: dict[str, Any] = {
            "written": campaign["written"] + written,
            "left_out": campaign["left_out"] + (0 if late else len(members) - len(jobs)),
        }
        if page:
            progress["checkpoint"] = page[-1]["email"]
        else:
            again = {"checkpoint": None, "content": {**content, _LATE: True}}
            progress |= {"finished_at": now} if late else again
        campaign_rows.note(connection, campaign["id"], now=now, **progress)
        return True

    def fits(self, kind_name: str, values: Mapping[str, Any], contact: Row) -> bool:
        """Whether the CRM has of a contact all that the mail has to print."""
        kind = self._kinds.get(kind_name)
        return kind is not None and printed(kind, values, contact) is not None

    def _message(
        self, campaign: Row, contact: Row, contact_id: str, languages: Mapping[str, str]
    ) -> Job | None:
        """The message to one contact; None for who lacks something that the mail has to print."""
        checked = printed(self._kind(campaign), campaign["content"]["values"], contact)
        if checked is None:
            return None
        key = key_of(campaign["id"], contact_id)
        language = kept_language(languages.get(contact["email"], "")) or self._language
        to = Address(contact["email"], contact["name"])
        return self._job(campaign, key, to, checked, language)

    def _job(self, campaign: Row, key: str, to: Address, variables: Mapping[str, Any], language: str) -> Job:
        kind = self._kind(campaign)
        expires_at = self._clock() + kind.lifetime if kind.lifetime else None
        return Job(
            message_id(key),
            key,
            kind.name,
            Lane.BULK,
            to,
            variables,
            language=language,
            expires_at=expires_at,
        )

    def _kind(self, campaign: Row) -> Kind:
        name = campaign["content"]["kind"]
        if name not in self._kinds:
            raise BadInput(f"{campaign['name']}: its kind {name} is not in crm_config.yaml any more.")
        return self._kinds[name]

    def _segment(self, campaign: Row) -> Segment:
        if campaign["id"] not in self._segments:
            parsed = self._audiences.segment(campaign["segment"])
            self._segments[campaign["id"]] = parsed
        return self._segments[campaign["id"]]


def printed(kind: Kind, values: Mapping[str, Any], contact: Row) -> dict[str, Any] | None:
    """What the mail prints of a contact; None where something of it is lacking or wrong."""
    faults: list[str] = []
    checked = check_variables(kind, _variables(kind, values, contact), faults)
    lacking = [name for name in kind.required if checked.get(name) in (None, "")]
    return None if faults or lacking else checked


def _asked(row: Row, now: datetime, demand: Callable[[Row], None]) -> tuple[CampaignState, Mapping[str, Any]]:
    """What becomes of a campaign whose time has come, and what is noted of it."""
    try:
        demand(row)
    except BadInput as fault:
        return CampaignState.DRAFT, {"note": str(fault)}
    except MailworkerError as fault:
        why = (
            f"{NOT_ASKED} whether it may begin; it begins once that can be, within a day of its time: {fault}"
        )
        return CampaignState.SCHEDULED, {"note": why}
    return CampaignState.SENDING, {"started_at": now, "note": None}


def _missed(row: Row) -> str:
    why = f": {row['note']}" if row["note"] else "."
    return (
        f"It did not begin within a day of its time, {row['send_at'].astimezone(UTC):%Y-%m-%d %H:%M} UTC{why}"
    )


def _variables(kind: Kind, values: Mapping[str, Any], contact: Row) -> dict[str, Any]:
    own = {"email": contact["email"], "name": contact["name"], **contact["properties"]}
    found = {name: own.get(source) for name, source in variable_sources(kind, values).items()}
    filled = {name: _printable(value) for name, value in found.items() if value is not None}
    return {**filled, **{name: value for name, value in values.items() if kind.variable(name)}}


def _printable(value: Any) -> Any:
    return ("true" if value else "false") if isinstance(value, bool) else value
