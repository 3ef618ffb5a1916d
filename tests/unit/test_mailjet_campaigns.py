"""What is done with a campaign that Mailjet sends, for every state here and at Mailjet, and every answer to a send."""

from contextlib import nullcontext
from datetime import UTC, datetime, timedelta

import pytest

from mailworker.campaigns import MailjetCampaigns
from mailworker.config.worker import LEASE
from mailworker.errors import BadInput, Refused, TransientError, UnknownOutcome
from mailworker.ledger import campaign_rows
from mailworker.mailjet.rest_api import RestApi
from mailworker.rules.campaign_rules import UNFINISHED, CampaignState
from tests.doubles import mailjet_list

NOW = datetime(2026, 11, 2, 8, tzinfo=UTC)
LONG_AGO = NOW - timedelta(hours=1)
MINUTE = timedelta(minutes=1)
DRAFT, PROGRAMMED, SENT, ARCHIVED = 0, 1, 2, -1
REFUSED, LOST, AWAY = (
    Refused("two subscribers", code="MJ01"),
    UnknownOutcome("no answer"),
    TransientError("away"),
)
LISTS = [{"ID": 41, "Name": "crm-billing"}, {"ID": 42, "Name": "crm-all"}]


class Mailjet:
    """Answers REST calls from a table, and keeps what was written."""

    def __init__(self):
        self.status = DRAFT
        self.faults = {}
        self.written = []
        self.segments = []
        self.tokens = 0

    def take(self):
        self.tokens += 1

    def rest(self, call):
        name = call.endpoint if call.method != "DELETE" else f"delete {call.endpoint}"
        if name != "campaigndraft_status" and call.method != "GET":
            self.written.append((name, call.id, call.data))
        if name in self.faults:
            fault, self.status = self.faults[name], self.faults.get("then", self.status)
            raise fault
        rows = {
            "campaigndraft_status": [{"Status": self.status}],
            "contactslist": LISTS,
            "contactfilter": [{"ID": 7, "Name": ""}] if call.method == "POST" else self.segments,
            "campaigndraft": [{"ID": 9}],
            "statcounters": [{"MessageSentCount": 3, "MessageOpenedCount": 2}],
            "template_detailcontent": [{"Html-part": "<b>T</b>", "Text-part": "T"}],
        }
        return mailjet_list(rows.get(name, []))

    def raw(self, _method, _path):
        if "campaign" in self.faults:
            raise self.faults["campaign"]
        return mailjet_list([{"ID": 12}])

    @property
    def calls(self):
        return [name for name, _, _ in self.written]


@pytest.fixture
def mailjet():
    return Mailjet()


@pytest.fixture
def campaigns(ledger, mailjet):
    api = RestApi(lambda: mailjet, mailjet.take)
    return MailjetCampaigns(ledger, api, lambda type_: f"crm-{type_ or 'all'}", lambda: NOW)


CONTENT = {
    "subject": "Bonjour",
    "from_email": "news@example.com",
    "from_name": "News",
    "locale": "fr_FR",
    "template_id": None,
    "html": "<p>B</p>",
    "text": "B",
}


def put(ledger, **changes):
    values = {
        "id": "c1",
        "name": "Autumn",
        "way": "mailjet",
        "state": "draft",
        "segment": "",
        "contact_type": "billing",
        "content": CONTENT,
        "draft_id": 9,
        "segment_id": None,
        "written": 0,
        "left_out": 0,
        "note": None,
        "created_at": LONG_AGO,
        "changed_at": LONG_AGO,
    } | changes
    with ledger.write() as connection:
        campaign_rows.add(connection, values)
    return now(ledger)


def now(ledger):
    with ledger.read() as connection:
        return campaign_rows.find(connection, "c1")


def nothing():
    """Nobody objects."""


@pytest.mark.parametrize(
    ("state", "changed", "status", "refusal"),
    [
        ("scheduled", LONG_AGO, DRAFT, "is scheduled; cancel that first, or let it go at its time."),
        ("sending", NOW, DRAFT, "is being sent at this moment."),
        ("sending", NOW - LEASE + MINUTE, DRAFT, "is being sent at this moment"),
        ("sent", LONG_AGO, DRAFT, "is sent already"),
        ("cancelled", LONG_AGO, DRAFT, "is cancelled already"),
    ],
)
def test_what_is_not_a_draft_any_more_is_not_sent(
    ledger, mailjet, campaigns, state, changed, status, refusal
):
    mailjet.status = status
    row = put(ledger, state=state, changed_at=changed)
    with pytest.raises(BadInput, match=refusal):
        campaigns.send(row, nothing)
    assert (now(ledger), mailjet.calls) == (row, [])


@pytest.mark.parametrize(
    ("state", "changed"), [("draft", NOW), ("sending", NOW - LEASE), ("sending", LONG_AGO)]
)
@pytest.mark.parametrize(
    ("status", "told", "calls"),
    [
        (DRAFT, "Mailjet sends it", ["campaigndraft_send"]),
        (ARCHIVED, "Mailjet sends it", ["campaigndraft_send"]),
        (PROGRAMMED, "Mailjet had sent it already", []),
        (SENT, "Mailjet had sent it already", []),
    ],
)
def test_mailjet_is_asked_before_it_sends(ledger, mailjet, campaigns, state, changed, status, told, calls):
    mailjet.status = status
    asked = []
    assert campaigns.send(put(ledger, state=state, changed_at=changed), lambda: asked.append(1)) == told
    after = now(ledger)
    assert (after["state"], after["finished_at"], after["changed_at"], mailjet.calls) == (
        "sent",
        NOW,
        NOW,
        calls,
    )
    assert (len(asked), after["started_at"]) == ((1, NOW) if calls else (0, None))
    assert mailjet.tokens == 1 + len(calls), "one for each call"


@pytest.mark.parametrize(
    ("fault", "then", "raised", "state"),
    [
        (LOST, SENT, None, "sent"),
        (LOST, PROGRAMMED, None, "sent"),
        (AWAY, SENT, None, "sent"),
        (LOST, DRAFT, TransientError, "draft"),
        (AWAY, DRAFT, TransientError, "draft"),
        (REFUSED, DRAFT, Refused, "draft"),
    ],
)
def test_a_send_without_a_good_answer(ledger, mailjet, campaigns, fault, then, raised, state):
    mailjet.faults = {"campaigndraft_send": fault, "then": then}
    row = put(ledger)
    if raised is None:
        assert campaigns.send(row, nothing) == "Mailjet sends it"
    else:
        with pytest.raises(raised):
            campaigns.send(row, nothing)
    after = now(ledger)
    assert (after["state"], after["finished_at"]) == (state, NOW if state == "sent" else None)


def test_an_objection_is_raised_before_anything_is_noted_or_sent(ledger, mailjet, campaigns):
    def objection():
        raise BadInput("somebody unsubscribed")

    row = put(ledger)
    with pytest.raises(BadInput, match="unsubscribed"):
        campaigns.send(row, objection)
    assert (now(ledger), mailjet.calls) == (row, [])


def test_of_two_who_send_one_comes_too_late(ledger, mailjet, campaigns):
    row = put(ledger)
    with pytest.raises(BadInput, match="somebody else has just changed it"):
        campaigns.send(row, lambda: campaigns.cancel(row))
    assert (now(ledger)["state"], mailjet.calls) == ("cancelled", [])


@pytest.mark.parametrize(
    ("state", "status", "after", "calls"),
    [
        ("draft", DRAFT, "cancelled", []),
        ("draft", PROGRAMMED, "cancelled", ["delete campaigndraft_schedule"]),
        ("draft", SENT, "sent", []),
        ("sending", DRAFT, "cancelled", []),
        ("sending", PROGRAMMED, "cancelled", ["delete campaigndraft_schedule"]),
        ("sending", SENT, "sent", []),
        ("scheduled", DRAFT, "cancelled", []),
        ("scheduled", PROGRAMMED, "cancelled", ["delete campaigndraft_schedule"]),
        ("scheduled", SENT, "sent", []),
    ],
)
def test_taking_a_campaign_back(ledger, mailjet, campaigns, state, status, after, calls):
    mailjet.status = status
    row = put(ledger, state=state)
    if after == "sent":
        with pytest.raises(BadInput, match="Mailjet has sent it"):
            campaigns.cancel(row)
    else:
        campaigns.cancel(row)
    found = now(ledger)
    assert (found["state"], found["finished_at"], mailjet.calls) == (after, NOW, calls)


@pytest.mark.parametrize("fault", [None, Refused("gone", code="404")])
def test_a_draft_that_is_not_at_mailjet_is_cancelled_here(ledger, mailjet, campaigns, fault):
    mailjet.faults = {"campaigndraft_status": fault}
    campaigns.cancel(put(ledger, draft_id=9 if fault else None))
    assert (now(ledger)["state"], mailjet.calls) == ("cancelled", [])


def test_what_mailjet_may_still_send_is_not_cancelled_before_it_was_asked(ledger, mailjet, campaigns):
    mailjet.faults = {"campaigndraft_status": AWAY}
    row = put(ledger)
    with pytest.raises(TransientError):
        campaigns.cancel(row)
    assert now(ledger) == row


@pytest.mark.parametrize("state", [str(state) for state in CampaignState])
@pytest.mark.parametrize("status", [DRAFT, PROGRAMMED, SENT])
def test_only_what_was_scheduled_and_is_sent_is_caught_up_with(ledger, mailjet, campaigns, state, status):
    mailjet.status = status
    row = put(ledger, state=state, send_at=NOW)
    campaigns.catch_up(row)
    if (state, status) == ("scheduled", SENT):
        assert (now(ledger)["state"], now(ledger)["finished_at"]) == ("sent", NOW)
    else:
        assert now(ledger) == row


@pytest.mark.parametrize("state", ["scheduled", "sent"])
def test_what_is_taken_back_says_why_and_only_where_it_was_scheduled(ledger, mailjet, campaigns, state):
    campaigns.take_back(put(ledger, state=state), "Zoé unsubscribed")
    expected = ("draft", "Zoé unsubscribed") if state == "scheduled" else ("sent", None)
    assert (now(ledger)["state"], now(ledger)["note"]) == expected
    assert mailjet.written == [("delete campaigndraft_schedule", 9, None)]


@pytest.mark.parametrize(
    ("draft_id", "fault", "found"),
    [
        (None, None, {}),
        (9, Refused("none", code="404"), {}),
        (9, None, {"sent": 3, "opened": 2}),
    ],
)
def test_figures_before_and_after_it_was_sent(ledger, mailjet, campaigns, draft_id, fault, found):
    mailjet.faults = {"campaign": fault} if fault else {}
    counted = campaigns.stats(put(ledger, draft_id=draft_id))
    assert {name: n for name, n in counted.items() if n} == found


def test_a_refusal_of_figures_is_no_zero(ledger, mailjet, campaigns):
    mailjet.faults = {"campaign": Refused("no right", code="401")}
    with pytest.raises(Refused):
        campaigns.stats(put(ledger))


@pytest.mark.parametrize(
    ("changes", "expression", "calls", "ids"),
    [
        ({"draft_id": None}, "", ["campaigndraft", "campaigndraft_detailcontent"], (None, 9)),
        (
            {"draft_id": None},
            "(a=1)",
            ["contactfilter", "campaigndraft", "campaigndraft_detailcontent"],
            (7, 9),
        ),
        (
            {"draft_id": None, "segment_id": 5},
            "(a=1)",
            ["campaigndraft", "campaigndraft_detailcontent"],
            (5, 9),
        ),
        ({"draft_id": 8, "segment_id": 5}, "(a=1)", ["campaigndraft_detailcontent"], (5, 8)),
    ],
)
def test_making_it_goes_on_where_it_ended(ledger, mailjet, campaigns, changes, expression, calls, ids):
    campaigns.prepare(put(ledger, **changes, note="x"), expression)
    found = now(ledger)
    assert mailjet.calls == calls
    assert (found["segment_id"], found["draft_id"], found["note"]) == (*ids, None)
    written = {name: data for name, _, data in mailjet.written}
    assert written["campaigndraft_detailcontent"] == {"Html-part": "<p>B</p>", "Text-part": "B"}
    if "contactfilter" in written:
        assert written["contactfilter"] == {
            "Name": "mailworker c1",
            "Expression": "(a=1)",
            "Description": "Autumn",
        }
    if "campaigndraft" in written:
        draft = written["campaigndraft"]
        assert (draft["Title"], draft["Subject"], draft["Locale"]) == ("Autumn (c1)", "Bonjour", "fr_FR")
        assert (draft["Sender"], draft["SenderEmail"], draft["ContactsListID"]) == (
            "News",
            "news@example.com",
            41,
        )
        assert draft.get("SegmentationID") == ids[0]


@pytest.mark.parametrize("fails", ["contactfilter", "campaigndraft", "campaigndraft_detailcontent"])
def test_what_is_half_made_says_so_and_keeps_what_there_is(ledger, mailjet, campaigns, fails):
    mailjet.faults = {fails: AWAY}
    with pytest.raises(TransientError):
        campaigns.prepare(put(ledger, draft_id=None), "(a=1)")
    found = now(ledger)
    assert found["note"] == UNFINISHED
    assert (found["segment_id"] is None) == (fails == "contactfilter")
    assert (found["draft_id"] is None) == (fails != "campaigndraft_detailcontent")


def test_a_template_is_the_content(ledger, mailjet, campaigns):
    campaigns.prepare(put(ledger, content=CONTENT | {"template_id": 3}), "")
    assert mailjet.written[-1][2] == {"Html-part": "<b>T</b>", "Text-part": "T"}


def test_a_segment_that_an_earlier_try_made_is_found_by_its_name(ledger, mailjet, campaigns):
    mailjet.faults = {"contactfilter": Refused("there is one", code="MJ18")}
    mailjet.segments = [{"ID": 1, "Name": "mailworker c"}, {"ID": 2, "Name": "mailworker c1"}]
    finding = mailjet.rest

    def rest(call):
        if call.endpoint == "contactfilter" and call.method == "GET":
            return mailjet_list(mailjet.segments)
        return finding(call)

    mailjet.rest = rest
    campaigns.prepare(put(ledger, draft_id=None), "(a=1)")
    assert now(ledger)["segment_id"] == 2


def test_a_segment_that_mailjet_refuses_is_refused(ledger, mailjet, campaigns):
    mailjet.faults = {"contactfilter": Refused("bad expression", code="MJ08")}
    finding, asked = mailjet.rest, []
    mailjet.rest = lambda call: (asked.append((call.method, call.endpoint)), finding(call))[1]
    with pytest.raises(Refused, match="bad expression"):
        campaigns.prepare(put(ledger, draft_id=None), "(a=1)")
    assert ("GET", "contactfilter") not in asked, "it is not looked for among those that are there"


def test_a_list_that_is_not_there_is_named(ledger, mailjet, campaigns):
    with pytest.raises(BadInput, match="Mailjet has no list 'crm-tech' yet"):
        campaigns.prepare(put(ledger, draft_id=None, contact_type="tech"), "")
    assert mailjet.calls == []


def test_a_test_and_a_time_go_to_the_draft(ledger, mailjet, campaigns):
    row = put(ledger)
    campaigns.test(row, ["a@x.example", "b@x.example"])
    campaigns.schedule(row, NOW + MINUTE)
    recipients = [{"Email": "a@x.example", "Name": ""}, {"Email": "b@x.example", "Name": ""}]
    assert mailjet.written == [
        ("campaigndraft_test", 9, {"Recipients": recipients}),
        ("campaigndraft_schedule", 9, {"Date": "2026-11-02T08:01:00+00:00"}),
    ]


@pytest.mark.parametrize(("then", "scheduled"), [(PROGRAMMED, True), (DRAFT, False)])
def test_where_the_answer_to_a_schedule_was_lost_mailjet_is_asked(
    ledger, mailjet, campaigns, then, scheduled
):
    mailjet.faults = {"campaigndraft_schedule": LOST, "then": then}
    with nullcontext() if scheduled else pytest.raises(UnknownOutcome):
        campaigns.schedule(put(ledger), NOW + MINUTE)
    assert mailjet.calls == ["campaigndraft_schedule"]


@pytest.mark.parametrize(
    ("html", "text", "shown"),
    [
        ("<a href='[[UNSUB_LINK]]'>", "[[unsub_link]]", True),
        ("<a href='[[UNSUB_LINK]]'>", "no way", False),
        ("no way", "[[UNSUB_LINK]]", False),
        ("[[UNSUB_LINK]]", " ", True),
    ],
)
def test_every_part_of_a_template_shows_the_way_out(campaigns, monkeypatch, html, text, shown):
    parts = lambda *_, **__: (html, text)  # noqa: E731
    monkeypatch.setattr("mailworker.campaigns.mailjet_campaigns.template_content", parts)
    assert campaigns.shows_way_out(3) is shown


@pytest.mark.parametrize(("code", "shown"), [("404", True), ("401", None)])
def test_a_template_that_is_not_there_is_somebody_elses_fault_to_name(campaigns, monkeypatch, code, shown):
    def gone(*_, **__):
        raise Refused("no", code=code)

    monkeypatch.setattr("mailworker.campaigns.mailjet_campaigns.template_content", gone)
    if shown:
        assert campaigns.shows_way_out(3)
    else:
        with pytest.raises(Refused):
            campaigns.shows_way_out(3)
