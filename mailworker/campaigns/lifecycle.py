"""Campaigns for people: made, previewed, tested, scheduled, sent, paused, cancelled."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from mailworker.campaigns.checks_before_sending import CampaignGuard, CampaignPolicies
from mailworker.campaigns.count_audience import Audience, AudienceCount
from mailworker.campaigns.mailjet_campaigns import MailjetCampaigns
from mailworker.campaigns.worker_campaigns import WorkerCampaigns
from mailworker.core.did_you_mean import did_you_mean
from mailworker.core.states import State
from mailworker.errors import BadInput
from mailworker.ledger import Ledger, campaign_rows
from mailworker.rules.campaign_rules import (
    CAMPAIGN_ID,
    UNFINISHED,
    CampaignChannel,
    CampaignSpec,
    CampaignState,
    check_campaign,
    demand_move,
    send_time,
)
from mailworker.rules.contact_input import contact_address
from mailworker.rules.segments import Segment, for_mailjet

Row = Mapping[str, Any]

#: The states in which a campaign's message is done, as they are shown.
_ENDED = (State.SENT, State.FAILED, State.SUPPRESSED, State.EXPIRED, State.CANCELLED)


class CampaignManager:
    """Everything that can be done with campaigns. Each method raises BadInput for what cannot be done."""

    def __init__(
        self, ledger: Ledger, rules: CampaignPolicies, mailjets: MailjetCampaigns, workers: WorkerCampaigns
    ) -> None:
        self._ledger = ledger
        self._rules = rules
        self._mailjets = mailjets
        self._workers = workers
        self._audiences = AudienceCount(ledger, rules.settings)
        self._guard = CampaignGuard(ledger, rules, self._audiences, mailjets, workers)

    def create(self, fields: Mapping[str, Any]) -> tuple[Row, Audience]:
        """Make a campaign, and report whom it is for. An audience of nobody is refused."""
        types = self._audiences.types()
        defaults = self._rules.settings.campaigns.model_dump()
        spec = check_campaign(fields, self._rules.kinds, types, defaults)
        segment = self._audiences.segment(spec.segment, types)
        if spec.way is CampaignChannel.MAILJET:
            self._mailjets.demand_properties(spec.content, types)
        now = self._rules.clock()
        audience = self._guard.count(segment, spec.contact_type, spec.content)
        if audience.reachable == 0:
            raise BadInput(
                f"segment: nobody would get it: {audience.left_out() or 'no contact is in it'}. "
                "Nothing was made."
            )
        row = self._write(spec, now)
        if spec.way is CampaignChannel.MAILJET:
            self._prepare(row, segment, types)
        return self.find(row["id"]), audience

    def preview(self, name: str) -> Audience:
        """Whom a campaign goes to, as things stand at Mailjet too: so many get it."""
        row = self.find(name)
        return self._guard.count(self.segment_of(row), row["contact_type"], row["content"])

    def segment_of(self, row: Row) -> Segment:
        """A campaign's segment, checked."""
        return self._audiences.segment(row["segment"])

    def find(self, name: str) -> Row:
        """The campaign of this name or id."""
        with self._ledger.read() as connection:
            row = campaign_rows.find(connection, name)
            if row is None:
                hint = (
                    did_you_mean(name, campaign_rows.names(connection)) or "; see mailworker campaign list."
                )
                raise BadInput(f"campaign: there is none of this name{hint}")
        return row

    def test(self, name: str, emails: Sequence[str]) -> int:
        """Send it to these addresses only; gives how many. It may be done as often as you like."""
        row = self.find(name)
        addresses = [_address(email) for email in emails]
        self._guard.demand_addresses(addresses)
        if row["way"] == CampaignChannel.MAILJET:
            self._mailjets.test(self._prepared(row), addresses)
        else:
            self._workers.test(row, addresses)
        return len(addresses)

    def schedule(self, name: str, at: str) -> datetime:
        """Send it at this time on the operator's clock; gives it in UTC."""
        row = self.find(name)
        now = self._rules.clock()
        when = send_time(at, self._rules.zone, now)
        demand_move(row["state"], CampaignState.SCHEDULED, row["name"])
        if row["way"] == CampaignChannel.MAILJET:
            row = self._prepared(row)
            self._guard.demand_audience(row)
            self._mailjets.schedule(row, when)
        else:
            self._guard.demand_way_out(row)
        self._move(row, CampaignState.SCHEDULED, send_at=when, note=None)
        return when

    def send(self, name: str) -> str:
        """Send it now; gives what happened."""
        row = self.find(name)
        if row["way"] == CampaignChannel.MAILJET:
            return self._mailjets.send(self._prepared(row), lambda: self._guard.demand_audience(row))
        demand_move(row["state"], CampaignState.SENDING, row["name"])
        self._guard.demand_way_out(row)
        if row["state"] == CampaignState.PAUSED:
            self._workers.resume(row)
        else:
            self._move(row, CampaignState.SENDING, started_at=self._rules.clock(), note=None)
        return "The workers send it"

    def pause(self, name: str) -> int:
        """Stop it until it is resumed; gives how many messages that waited are held."""
        return self._workers.pause(self._of_workers(name, "pause"))

    def resume(self, name: str) -> int:
        """Go on with it; gives how many held messages wait again."""
        row = self._of_workers(name, "resume")
        if row["state"] != CampaignState.PAUSED:
            raise BadInput(f"{row['name']}: is {row['state']}; only a paused campaign can be resumed.")
        self._guard.demand_way_out(row)
        return self._workers.resume(row)

    def cancel(self, name: str) -> int:
        """End it; gives how many messages that waited are cancelled. What was sent stays sent."""
        row = self.find(name)
        demand_move(row["state"], CampaignState.CANCELLED, row["name"])
        if row["way"] == CampaignChannel.WORKERS:
            return self._workers.cancel(row)
        self._mailjets.cancel(row)
        return 0

    def stats(self, name: str) -> dict[str, int]:
        """Its figures. Mailjet's may lag by hours; those of the workers' way follow the events."""
        row = self.find(name)
        if row["way"] == CampaignChannel.MAILJET:
            self._mailjets.catch_up(row)
            return self._mailjets.stats(row)
        with self._ledger.read() as connection:
            found = campaign_rows.figures(connection, row["id"])
        return {"written": row["written"], "left out": row["left_out"]} | found

    def progress(self, name: str) -> dict[str, int]:
        """How far a campaign of our own lane is: of how many contacts, written, waiting, sent, failed.

        Of one that Mailjet sends there is no progress to be seen: its figures are Mailjet's.
        """
        row = self.find(name)
        if row["way"] == CampaignChannel.MAILJET:
            return self.stats(name)
        with self._ledger.read() as connection:
            found = campaign_rows.figures(connection, row["id"])
        audience = row["written"] if row["finished_at"] else self.preview(name).reachable
        counts = {"contacts that get it": audience, "written": row["written"], "left out": row["left_out"]}
        ended = {str(state): found.get(state, 0) for state in _ENDED}
        return counts | {"waiting": campaign_rows.waiting(found)} | ended

    def latest(self, limit: int = 20) -> list[Row]:
        """The youngest campaigns."""
        with self._ledger.read() as connection:
            return campaign_rows.latest(connection, limit=limit)

    def step(self) -> bool:
        """Go on with what the workers send; False where there is nothing to do now."""
        try:
            self._guard.check_scheduled()
        finally:  # what cannot be taken back from Mailjet holds up no campaign of our own
            moved = self._workers.step(self._guard.demand_way_out)
        return moved

    def _write(self, spec: CampaignSpec, now: datetime) -> Row:
        id_ = uuid.uuid4().hex[:CAMPAIGN_ID]
        row = {
            "id": id_,
            "name": spec.name,
            "way": str(spec.way),
            "state": str(CampaignState.DRAFT),
            "segment": spec.segment,
            "contact_type": spec.contact_type,
            "content": dict(spec.content),
            "written": 0,
            "left_out": 0,
            "created_at": now,
            "changed_at": now,
        }
        with self._ledger.write() as connection:
            if campaign_rows.find(connection, spec.name) is not None:
                raise BadInput("name: there is a campaign of this name already; choose another.")
            campaign_rows.add(connection, row)
        return self.find(id_)

    def _prepare(self, row: Row, segment: Segment, types: Mapping[str, str]) -> Row:
        self._mailjets.prepare(row, for_mailjet(segment, types))
        return self.find(row["id"])

    def _prepared(self, row: Row) -> Row:
        """The campaign with its draft at Mailjet, made now where making it was interrupted."""
        if row["draft_id"] is not None and row["note"] != UNFINISHED:
            return row
        types = self._audiences.types()
        return self._prepare(row, self._audiences.segment(row["segment"], types), types)

    def _of_workers(self, name: str, verb: str) -> Row:
        row = self.find(name)
        if row["way"] != CampaignChannel.WORKERS:
            raise BadInput(f"{row['name']}: Mailjet sends it, and cannot {verb}; cancel it before its time.")
        target = CampaignState.PAUSED if verb == "pause" else CampaignState.SENDING
        demand_move(row["state"], target, row["name"])
        return row

    def _move(self, row: Row, target: CampaignState, **more: Any) -> None:
        with self._ledger.write() as connection:
            moved = campaign_rows.move(
                connection, row["id"], row["state"], str(target), now=self._rules.clock(), **more
            )
        if not moved:
            raise BadInput(f"{row['name']}: somebody else has just changed it; look at it again.")


def _address(email: str) -> str:
    try:
        return contact_address(email)
    except ValueError as fault:
        raise BadInput(f"to: is not an e-mail address: {fault}.") from None
