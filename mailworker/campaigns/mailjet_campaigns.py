"""Campaigns that Mailjet sends: a segment, a draft, its content; and never the same one twice.

Sending a draft is not idempotent, but where it stands is one row at Mailjet. So it is asked before a send,
and again when a send's answer was lost.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from functools import cached_property
from typing import Any

from mailworker.campaigns.exclude_barred_at_mailjet import MailjetAudience
from mailworker.config.worker import LEASE
from mailworker.core.did_you_mean import did_you_mean
from mailworker.core.message import Address
from mailworker.errors import BadInput, Refused, TransientError, UnknownOutcome
from mailworker.ledger import campaign_rows
from mailworker.mailjet import campaigns as mailjet
from mailworker.mailjet.campaigns import CampaignDraft, DraftStatus
from mailworker.mailjet.contact_calls import list_ids, property_types
from mailworker.mailjet.contact_queries import template_content
from mailworker.mailjet.rest_api import RestCall
from mailworker.mailjet.rest_rows import id_of, none_if_missing, pages
from mailworker.mailjet_list_access import ListAccess
from mailworker.rules.campaign_rules import NOT_SENT, SENT_WITHIN, UNFINISHED, CampaignState
from mailworker.templates.language.template_error import TemplateError
from mailworker.templates.language.used_variables import variable_uses

Row = Mapping[str, Any]

_GONE = frozenset({DraftStatus.PROGRAMMED, DraftStatus.SENT})


class MailjetCampaigns(ListAccess):
    """Speaks with Mailjet about drafts."""

    @cached_property
    def audience(self) -> MailjetAudience:
        """Whom Mailjet would send to."""
        return MailjetAudience(self._ledger, self._api, self._list_name, self._clock)

    def prepare(self, row: Row, expression: str) -> None:
        """Make the segment, the draft and its content at Mailjet. Repeating goes on where it ended."""
        self._note(row, note=UNFINISHED)
        content = row["content"]
        segment_id = row["segment_id"] or (self._segment(row, expression) if expression else None)
        self._note(row, segment_id=segment_id)
        draft_id = row["draft_id"] or self._draft(row, segment_id)
        self._note(row, draft_id=draft_id)
        html, text = self._parts(content)
        mailjet.set_content(self._api, draft_id, html=html, text=text)
        self._note(row, note=None)

    def demand_properties(self, content: Mapping[str, Any], known: Collection[str]) -> None:
        """BadInput where the content prints a contact's property that neither we nor Mailjet know.

        Mailjet would print nothing in its place. Of a template that cannot be read, the preview says why.
        """
        try:
            uses = variable_uses(content["subject"], *self._parts(content), namespace="data")
        except TemplateError:
            return
        names = {use.name.lower(): use.name for use in uses}
        if names.keys() <= {*known}:
            return
        known = {*known, *(name.lower() for name in property_types(self._api))}
        what = "subject, template_id" if content["template_id"] else "subject, html, text"
        faults = [
            f"{what}: contacts have no property {name}{did_you_mean(lower, known) or '.'}"
            for lower, name in names.items()
            if lower not in known
        ]
        if faults:
            raise BadInput(faults)

    def shows_way_out(self, template_id: int) -> bool:
        """Whether a template has a link to unsubscribe; one that is not there counts as showing it."""
        parts = none_if_missing(lambda: template_content(self._api, template_id))
        return all("unsub_link" in part.lower() for part in parts or () if part.strip())

    def test(self, row: Row, emails: Sequence[str]) -> None:
        """Send the draft to these addresses only."""
        people = [Address(email) for email in emails]
        mailjet.send_test(self._api, row["draft_id"], people)

    def schedule(self, row: Row, when: datetime) -> None:
        """Have Mailjet send it then; where its answer was lost, it is asked whether it will."""
        try:
            mailjet.schedule_draft(self._api, row["draft_id"], when)
        except UnknownOutcome:
            if self._status(row) is not DraftStatus.PROGRAMMED:
                raise

    def send(self, row: Row, demand: Callable[[], None]) -> str:
        """Send it once. Gives what happened; TransientError where it surely was not sent, so repeat it.

        `demand` is asked right before: it raises where Mailjet would send it to somebody who must not get it.
        """
        if row["state"] == CampaignState.SCHEDULED:
            raise BadInput(f"{row['name']}: is scheduled; cancel that first, or let it go at its time.")
        fresh = self._clock() - row["changed_at"] < LEASE
        if row["state"] == CampaignState.SENDING and fresh:
            raise BadInput(f"{row['name']}: is being sent at this moment.")
        if row["state"] in {CampaignState.SENT, CampaignState.CANCELLED}:
            raise BadInput(f"{row['name']}: is {row['state']} already.")
        if self._status(row) in _GONE:
            self._set_state(row, CampaignState.SENT)
            return "Mailjet had sent it already"
        demand()
        with self._ledger.write() as connection:
            now = self._clock()
            if not campaign_rows.move(
                connection, row["id"], row["state"], "sending", now=now, started_at=now
            ):
                raise BadInput(f"{row['name']}: somebody else has just changed it; look at it again.")
        return self._send_once(row)

    def cancel(self, row: Row) -> None:
        """End it, and take it back where Mailjet would send it, whatever is known of that here.

        BadInput where Mailjet has sent it.
        """
        status = none_if_missing(lambda: self._status(row)) if row["draft_id"] else None
        if status is DraftStatus.SENT:
            self._set_state(row, CampaignState.SENT)
            raise BadInput(f"{row['name']}: Mailjet has sent it.")
        if status is DraftStatus.PROGRAMMED:
            mailjet.cancel_schedule(self._api, row["draft_id"])
        self._set_state(row, CampaignState.CANCELLED)

    def take_back(self, row: Row, why: str) -> None:
        """Take a scheduled campaign back, to be scheduled or sent again by a person who reads why."""
        mailjet.cancel_schedule(self._api, row["draft_id"])
        with self._ledger.write() as connection:
            campaign_rows.move(connection, row["id"], "scheduled", "draft", now=self._clock(), note=why)

    def catch_up(self, row: Row) -> str | None:
        """Note that Mailjet has sent what was scheduled; gives what a person has to know where it has not.

        A draft that is missing before its time may be another account's, as with another key: what is
        scheduled stays so, and is looked at once more before it leaves.
        """
        if row["state"] != CampaignState.SCHEDULED:
            return None
        status = none_if_missing(lambda: self._status(row))
        if status is None and row["send_at"] <= self._clock():
            self._set_state(row, CampaignState.CANCELLED)
            return "Mailjet has its draft no more; whether it was sent, statistics there say."
        if status is DraftStatus.SENT:
            self._set_state(row, CampaignState.SENT)
        elif status is not None and self._clock() - row["send_at"] > SENT_WITHIN:
            return (
                f"{NOT_SENT}, long after its time; there it is “{status}”: see what app.mailjet.com "
                "says of it, then cancel it"
            )
        return None

    def stats(self, row: Row) -> dict[str, int]:
        """Mailjet's counters; empty before it was sent."""
        if row["draft_id"] is None:
            return {}
        number = none_if_missing(lambda: mailjet.campaign_id(self._api, row["draft_id"]))
        if number is None:
            return {}
        return asdict(mailjet.counters(self._api, number))

    def _send_once(self, row: Row) -> str:
        try:
            mailjet.send_draft(self._api, row["draft_id"])
        except (UnknownOutcome, TransientError) as error:
            if self._status(row) not in _GONE:
                self._set_state(row, CampaignState.DRAFT, expected="sending")
                raise TransientError(f"Mailjet did not send it, so send it again: {error}") from None
        except Refused:
            self._set_state(row, CampaignState.DRAFT, expected="sending")
            raise
        self._set_state(row, CampaignState.SENT, expected="sending")
        return "Mailjet sends it"

    def _segment(self, row: Row, expression: str) -> int:
        name = f"mailworker {row['id']}"
        try:
            return mailjet.create_segment(self._api, name, expression, description=row["name"])
        except Refused as error:
            if error.code != "MJ18":
                raise
        found = pages(self._api, RestCall("contactfilter"))
        return next(id_of(one) for page in found for one in page if one.get("Name") == name)

    def _draft(self, row: Row, segment_id: int | None) -> int:
        content, name = row["content"], self._list_name(row["contact_type"])
        lists = list_ids(self._api)
        if name not in lists:
            raise BadInput(f"contact_type: Mailjet has no list {name!r} yet; run mailworker contacts sync.")
        draft = CampaignDraft(
            title=f"{row['name']} ({row['id']})",
            subject=content["subject"],
            sender=Address(content["from_email"], content["from_name"]),
            list_id=lists[name],
            locale=content["locale"],
            segment_id=segment_id,
        )
        return mailjet.create_draft(self._api, draft)

    def _parts(self, content: Mapping[str, Any]) -> tuple[str, str]:
        """Its HTML and text; a template's are asked for."""
        id_ = content["template_id"]
        return template_content(self._api, id_) if id_ else (content["html"], content["text"])

    def _status(self, row: Row) -> DraftStatus:
        return mailjet.draft_status(self._api, row["draft_id"])

    def _note(self, row: Row, **values: Any) -> None:
        with self._ledger.write() as connection:
            campaign_rows.note(connection, row["id"], now=self._clock(), **values)

    def _set_state(self, row: Row, target: CampaignState, *, expected: str | None = None) -> None:
        now = self._clock()
        ended = {"finished_at": now} if target is not CampaignState.DRAFT else {}
        with self._ledger.write() as connection:
            campaign_rows.move(connection, row["id"], expected or row["state"], str(target), now=now, **ended)
