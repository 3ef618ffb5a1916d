"""What is checked before a campaign leaves, whoever sends it: nobody gets one who must not."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from mailworker.campaigns.count_audience import Audience, AudienceCount
from mailworker.campaigns.mailjet_campaigns import MailjetCampaigns
from mailworker.campaigns.worker_campaigns import WorkerCampaigns
from mailworker.config.contacts import ContactSettings
from mailworker.core.kind import Kind
from mailworker.errors import BadInput, MailworkerError
from mailworker.ledger import Ledger, campaign_rows
from mailworker.ledger.recipient_standings import standings
from mailworker.rules.campaign_rules import NOT_ASKED
from mailworker.rules.pre_send.mailjet_campaign import AudienceFacts, check_audience
from mailworker.rules.recipient_gate import Purpose, refusal
from mailworker.rules.segments import Segment

Row = Mapping[str, Any]

#: So long before Mailjet sends a scheduled campaign by itself, its audience is looked at once more.
CHECK_BEFORE = timedelta(minutes=3)
#: In a campaign's content: whether that was done.
_CHECKED = "checked"
#: So long after a question whether Mailjet has sent one it is asked again.
_ASK_AGAIN = timedelta(minutes=1)
_NOT_LOOKED_AT = "Whom it goes to could not be looked at once more before Mailjet sent it."
_NOT_TAKEN_BACK = f"{NOT_ASKED} to take it back"


@dataclass(frozen=True, slots=True)
class CampaignPolicies:
    """The configuration of campaigns; `zone` is the operator's.

    `allows` is whether this environment may mail an address; `templates` are a kind's at Mailjet, in all
    its languages; `opt_out_faults` are why an unsubscription at Mailjet would not come back to us.
    """

    settings: ContactSettings
    kinds: Mapping[str, Kind]
    zone: ZoneInfo
    clock: Callable[[], datetime]
    allows: Callable[[str], bool] = lambda _email: True
    templates: Callable[[str], Collection[int]] = lambda _kind: ()
    opt_out_faults: Callable[[], Sequence[str]] = lambda: ()


class CampaignGuard:
    """Counts whom a campaign goes to, and raises BadInput where it would go to anybody else."""

    def __init__(
        self,
        ledger: Ledger,
        rules: CampaignPolicies,
        audiences: AudienceCount,
        mailjets: MailjetCampaigns,
        workers: WorkerCampaigns,
    ) -> None:
        self._ledger = ledger
        self._rules = rules
        self._audiences = audiences
        self._mailjets = mailjets
        self._workers = workers

    def count(self, segment: Segment, contact_type: str, content: Mapping[str, Any]) -> Audience:
        """Count whom a campaign of this content goes to: with a kind our workers send it, else Mailjet."""
        kind, values = content.get("kind"), content.get("values") or {}
        there = None if kind else self._mailjets.audience.read_back(contact_type).active
        return self._audiences.audience(
            segment,
            contact_type,
            now=self._rules.clock(),
            at_mailjet=there,
            allows=self._rules.allows,
            fits=lambda row: not kind or self._workers.fits(kind, values, row),
        )

    def demand_audience(self, row: Row) -> None:
        """Have Mailjet leave out whom the ledger bars. BadInput where it would still send to others."""
        found = self._mailjets.audience.keep_out(row["contact_type"])
        segment = self._audiences.segment(row["segment"])
        audience = self._audiences.audience(
            segment,
            row["contact_type"],
            now=self._rules.clock(),
            at_mailjet=found.active,
            allows=self._rules.allows,
        )
        facts = AudienceFacts(found.strangers, audience.pending, audience.outside, audience.reachable)
        if faults := check_audience(facts, row["name"]):
            raise BadInput(faults)

    def demand_way_out(self, row: Row) -> None:
        """BadInput where who unsubscribes from our own lane's campaign is not heard, or sees no link.

        Mailjet puts its own link in the place of our header's, so its event alone tells who left. A template
        that Mailjet does not have is reported when the mail is refused. Drafts of Mailjet's own campaigns get
        Mailjet's footer, and their unsubscriptions are read back.
        """
        if faults := self._rules.opt_out_faults():
            raise BadInput([f"{row['name']}: {fault} Nothing was sent." for fault in faults])
        kind = row["content"].get("kind")
        ids = self._rules.templates(kind) if kind else ()
        if without := [str(id_) for id_ in ids if not self._mailjets.shows_way_out(id_)]:
            raise BadInput(
                f"{row['name']}: template {', '.join(without)} at Mailjet has no link to unsubscribe; write "
                "{{mj:unsub_link}} into it (docs/campaigns.md). Nothing was sent."
            )

    def demand_addresses(self, emails: Sequence[str]) -> None:
        """BadInput where a test mail would go to somebody who must not get it."""
        with self._ledger.read() as connection:
            known = standings(connection, emails)
        faults = [
            f"to[{index}]: {objection.why}; nothing was sent."
            for index, email in enumerate(emails)
            if (objection := refusal(known[email], Purpose.TEST)) is not None
        ]
        faults += [
            f"to[{index}]: is not on worker.safelist; nothing was sent."
            for index, email in enumerate(emails)
            if not self._rules.allows(email)
        ]
        if faults:
            raise BadInput(faults)

    def check_scheduled(self) -> None:
        """Look once more at what Mailjet is about to send by itself, and take it back where that is wrong.

        What cannot be asked or taken back now is noted, and tried at the next step; the others do not wait
        for it. Of what Mailjet should have sent by now it is asked every minute whether it has.
        """
        now = self._rules.clock()
        with self._ledger.read() as connection:
            rows = campaign_rows.in_progress(connection, "mailjet", now + CHECK_BEFORE)
        for row in rows:
            if row["state"] != "scheduled":
                continue
            if row["send_at"] <= now:
                self._see_whether_sent(row, now)
            elif not row["content"].get(_CHECKED):
                self._check(row)

    def _check(self, row: Row) -> None:
        try:
            self.demand_audience(row)
        except BadInput as fault:
            self._take_back(row, str(fault))
        except MailworkerError as fault:
            self._note(row, note=f"{NOT_ASKED} whom it would go to, and sends it at its time: {fault}")
        else:
            self._note(row, note=None, content={**row["content"], _CHECKED: True})

    def _take_back(self, row: Row, why: str) -> None:
        try:
            self._mailjets.take_back(row, why)
        except MailworkerError as fault:
            self._note(row, note=f"{_NOT_TAKEN_BACK}, and sends it at its time: {fault} But {why}")

    def _see_whether_sent(self, row: Row, now: datetime) -> None:
        if now - max(row["changed_at"], row["send_at"]) < _ASK_AGAIN:
            return
        self._note(row)  # its moment alone, so that no other worker asks as well
        note = None if row["content"].get(_CHECKED) else _NOT_LOOKED_AT
        if (row["note"] or "").startswith(_NOT_TAKEN_BACK):
            note = row["note"]
        try:
            note = self._mailjets.catch_up(row) or note
        except MailworkerError as fault:
            note = f"{NOT_ASKED} whether it has sent it: {fault}"
        self._note(row, note=note)

    def _note(self, row: Row, **values: Any) -> None:
        with self._ledger.write() as connection:
            campaign_rows.note(connection, row["id"], now=self._rules.clock(), **values)
