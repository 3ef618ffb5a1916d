"""Campaigns against the local Mailjet: who gets one, how often, and what operators can do meanwhile."""

from datetime import datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

import pytest

from mailworker.campaigns import (
    AudienceCount,
    CampaignManager,
    CampaignPolicies,
    MailjetCampaigns,
    WorkerCampaigns,
)
from mailworker.cli.doctor_checks.contacts_and_campaigns import campaign_faults
from mailworker.core.kind import Kind, Variable
from mailworker.core.settlement import Settlement
from mailworker.core.states import State
from mailworker.errors import BadInput, Refused, TransientError, UnknownOutcome, Unreachable
from mailworker.intake.job_row import row_of
from mailworker.ledger import campaign_rows
from mailworker.ledger.settle_messages import settle
from mailworker.ledger.suppressions import suppress
from mailworker.ledger.tables import messages
from mailworker.mailjet.rest_api import RestCall
from tests.integration.contact_container import contact_container

pytestmark = pytest.mark.integration

NEWS = "api_crmCommunicationNews"
KINDS = {
    NEWS: Kind(NEWS, (Variable("name"), Variable("city"), Variable("offer")), service=False),
    "api_crmCommunicationNotice": Kind("api_crmCommunicationNotice", (Variable("name"),)),
}
MAIL = {"name": "Autumn", "subject": "Bonjour", "html": "<p>Bonjour</p>", "from_email": "news@example.com"}
OURS = {"name": "Offer", "kind": NEWS, "values": {"offer": "-20 %"}, "everybody": True}


@pytest.fixture
def container(tmp_path, mailjet, ledger_url):
    with contact_container(tmp_path, mailjet=mailjet, ledger_url=ledger_url) as one:
        for city, numbers in (("Lyon", range(4)), ("Brest", range(4, 6))):
            contacts = [
                {"contact_id": str(number), "email": f"p{number}@example.com", "name": f"P{number}"}
                for number in numbers
            ]
            customer = {"customer_id": city, "name": "X", "city": city, "contacts": contacts}
            one.do("sync_customer", customer=customer)
        one.work()
        yield one


@pytest.fixture
def desk(container):
    return desk_of(container)


def desk_of(container, opt_out_faults=lambda: ()):
    settings = container.settings
    gateway, clock = container.gateway, container.clock
    mailjets = MailjetCampaigns(container.ledger, gateway, settings.list_name, clock)
    workers = WorkerCampaigns(
        container.ledger,
        AudienceCount(container.ledger, settings),
        KINDS,
        lambda job, now: row_of(job, (), now),
        clock,
    )
    return CampaignManager(
        container.ledger,
        CampaignPolicies(settings, KINDS, ZoneInfo("Europe/Paris"), clock, opt_out_faults=opt_out_faults),
        mailjets,
        workers,
    )


def recipients(container):
    return sorted(one.to[0] for one in container.mailjet.mails)


def rows(container):
    with container.ledger.read() as connection:
        return [dict(row) for row in connection.execute(messages.select()).mappings()]


def written(container):
    return sorted(row["to_email"] for row in rows(container))


# ---- Mailjet's way


def test_mailjet_sends_to_the_segment_and_to_nobody_else(container, desk):
    row, audience = desk.create({**MAIL, "segment": 'city = "Lyon"'})
    assert (audience.contacts, audience.reachable, len(audience.sample)) == (4, 4, 4)
    assert desk.send(row["name"]) == "Mailjet sends it"
    assert recipients(container) == [f"p{number}@example.com" for number in range(4)]
    assert desk.find(row["id"])["state"] == "sent"
    with pytest.raises(BadInput, match="is sent already"):
        desk.send(row["id"])
    assert desk.stats(row["id"])["sent"] == 4


def test_a_test_reaches_the_tester_only_and_counts_for_nothing(container, desk):
    row, _ = desk.create({**MAIL, "segment": 'city = "Lyon"'})
    desk.test(row["name"], ["me@example.com"])
    assert recipients(container) == ["me@example.com"]
    assert desk.find(row["id"])["state"] == "draft"
    assert desk.stats(row["id"]) == {}


def test_a_template_is_the_content_of_a_draft(container, desk):
    number = _template(container, "<p>From the template</p>")
    row, _ = desk.create({**MAIL, "html": "", "template_id": number, "everybody": True})
    desk.send(row["id"])
    assert "From the template" in container.mailjet.outcome(container.mailjet.mails[0]).html


def _template(container, html):
    made = container.gateway.rest(RestCall("template", "POST", data={"Name": "News"}))
    number = made["Data"][0]["ID"]
    container.gateway.rest(RestCall("template_detailcontent", "POST", id=number, data={"Html-part": html}))
    return number


def test_who_unsubscribed_or_was_excluded_is_counted_out_and_gets_nothing(container, desk):
    book = container.mailjet.world.contacts
    for number in book.lists.rows:
        book.act(book.find("p0@example.com"), number, "unsub", container.clock())
    book.find("p1@example.com").excluded = True
    container.look()
    row, audience = desk.create({**MAIL, "segment": 'city = "Lyon"'})
    assert (audience.contacts, audience.unsubscribed, audience.excluded, audience.reachable) == (4, 1, 1, 2)
    desk.send(row["id"])
    assert recipients(container) == ["p2@example.com", "p3@example.com"]


REFUSED = [
    ({"segment": 'town = "Lyon"'}, "there is no property town"),
    ({"segment": 'citi = "Lyon"'}, "did you mean 'city'?"),
    ({"segment": ""}, "write an expression, or give everybody"),
    ({"segment": 'city = "Nowhere"'}, "no contact is in it"),
    ({"segment": 'city = "Lyon"', "everybody": True}, "not both"),
    ({"everybody": True, "subject": ""}, "subject: must be one line"),
    ({"everybody": True, "from_email": ""}, "from_email: give the sender's address"),
    ({"everybody": True, "template_id": 5}, "give exactly one of them"),
    ({"everybody": True, "subjekt": "x"}, "did you mean 'subject'?"),
    ({"everybody": True, "contact_type": "nobody"}, "no contact is in it"),
]


def test_a_wrong_campaign_is_refused_and_nothing_is_made(container, desk, subtests):
    for asked, told in REFUSED:
        with subtests.test(asked=asked):
            with pytest.raises(BadInput) as fault:
                desk.create({**MAIL, **asked})
            assert told in str(fault.value)
            assert desk.latest() == []
            assert container.mailjet.world.campaigns.drafts.rows == {}


def test_a_name_is_used_once(desk):
    desk.create({**MAIL, "everybody": True})
    with pytest.raises(BadInput, match="already"):
        desk.create({**MAIL, "everybody": True})


@pytest.mark.parametrize("fault", ["error_500_after", "reset_after"])
def test_a_send_whose_answer_was_lost_is_not_repeated(container, desk, fault):
    row, _ = desk.create({**MAIL, "everybody": True})
    book = container.mailjet
    real = desk._mailjets._status
    asked = []

    def then_fail(row):
        asked.append(row["id"])
        if len(asked) == 1:
            status = real(row)
            book.misbehave(fault, times=1)
            return status
        return real(row)

    desk._mailjets._status = then_fail
    try:
        desk.send(row["id"])
    except TransientError:
        desk.send(row["id"])
    assert recipients(container) == [f"p{number}@example.com" for number in range(6)]
    assert desk.find(row["id"])["state"] == "sent"


def test_a_sender_who_died_in_the_middle_is_replaced_without_a_second_send(container, desk):
    row, _ = desk.create({**MAIL, "everybody": True})

    def dies(*_args, **_kwargs):
        raise KeyboardInterrupt

    desk._mailjets._set_state, real = dies, desk._mailjets._set_state
    with pytest.raises(KeyboardInterrupt):
        desk.send(row["id"])
    desk._mailjets._set_state = real
    with pytest.raises(BadInput, match="is being sent at this moment"):
        desk.send(row["id"])
    container.clock.forward(200)
    assert desk.send(row["id"]) == "Mailjet had sent it already"
    assert len(container.mailjet.mails) == 6


def test_it_goes_at_its_time_on_the_operators_clock_and_can_be_taken_back(container, desk):
    tomorrow = datetime.now(ZoneInfo("Europe/Paris")) + timedelta(days=1)
    container.clock.now = tomorrow.astimezone() - timedelta(days=1)
    row, _ = desk.create({**MAIL, "everybody": True})
    when = desk.schedule(row["id"], f"{tomorrow:%Y-%m-%dT%H:%M}")
    assert when == tomorrow.replace(second=0, microsecond=0)
    drafts = container.mailjet.world.campaigns
    assert next(iter(drafts.due.values())).replace(microsecond=0) == when
    with pytest.raises(BadInput, match="is scheduled; cancel that first"):
        desk.send(row["id"])
    desk.cancel(row["id"])
    assert (drafts.due, desk.find(row["id"])["state"]) == ({}, "cancelled")


def test_a_draft_whose_making_was_interrupted_is_completed_before_it_is_used(container, desk, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr("mailworker.mailjet.campaigns.set_content", _unreachable)
        with pytest.raises(TransientError):
            desk.create({**MAIL, "segment": 'city = "Lyon"'})
    desk.send(MAIL["name"])
    assert len(container.mailjet.world.campaigns.drafts.rows) == 1
    assert len(container.mailjet.mails) == 4


def _unreachable(*_args, **_kwargs):
    raise TransientError


# ---- our workers' way


def finish(desk):
    while desk.step():
        pass


def test_our_workers_write_one_message_for_each_contact_with_its_own_data(container, desk):
    row, audience = desk.create(OURS)
    assert audience.reachable == 6
    desk.send(row["id"])
    finish(desk)
    found = {one["to_email"]: one for one in rows(container)}
    assert found["p5@example.com"]["variables"] == {"name": "P5", "city": "Brest", "offer": "-20 %"}
    assert found["p5@example.com"]["idempotency_key"] == f"campaign:{row['id']}:5"
    assert {one["lane"] for one in found.values()} == {2}
    assert len(found) == 6


def test_who_changes_their_address_meanwhile_gets_it_once(container, monkeypatch):
    monkeypatch.setattr("mailworker.campaigns.worker_campaigns.AT_ONCE", 2)
    for number, email in ((20, "b@example.com"), (21, "y@example.com")):
        container.do(
            "sync_contact",
            contact={"contact_id": str(number), "email": email, "name": "Ada", "customer_id": "Lyon"},
        )
    desk = desk_of(container)
    row, audience = desk.create(OURS)
    assert audience.reachable == 8
    desk.send(row["id"])
    desk.step()
    assert written(container) == ["b@example.com", "p0@example.com"]
    container.clock.forward(60)
    for number, email in ((20, "z@example.com"), (21, "a@example.com")):  # from before it to behind, and back
        container.do(
            "sync_contact",
            contact={"contact_id": str(number), "email": email, "name": "Ada", "customer_id": "Lyon"},
        )
    finish(desk)
    everybody = [f"p{number}@example.com" for number in range(6)]
    # What waited for who left b@example.com went with them.
    assert written(container) == sorted(["a@example.com", "z@example.com", *everybody])
    assert desk.find(row["id"])["written"] == 8


@pytest.mark.parametrize("killed_at", [1, 2, 3])
def test_a_campaign_that_is_killed_goes_on_without_a_second_message(container, monkeypatch, killed_at):
    monkeypatch.setattr("mailworker.campaigns.worker_campaigns.AT_ONCE", 2)
    desk = desk_of(container)
    row, _ = desk.create(OURS)
    desk.send(row["id"])
    with monkeypatch.context() as patched:
        calls = []

        def dies(*args, **values):
            calls.append(1)
            if len(calls) == killed_at:
                raise KeyboardInterrupt
            return real(*args, **values)

        real = campaign_rows.note
        patched.setattr("mailworker.ledger.campaign_rows.note", dies)
        with pytest.raises(KeyboardInterrupt):
            finish(desk)
    finish(desk_of(container))
    assert written(container) == [f"p{number}@example.com" for number in range(6)]
    assert desk.find(row["id"])["written"] == 6


def test_who_may_not_get_campaigns_is_left_out(container, desk):
    with container.ledger.write() as connection:
        suppress(connection, "p0@example.com", reason="unsubscribed", source="event", now=container.clock())
    row, audience = desk.create(OURS)
    assert (audience.unsubscribed, audience.suppressed, audience.reachable) == (1, 0, 5)
    desk.send(row["id"])
    finish(desk)
    assert "p0@example.com" not in written(container)
    assert desk.stats(row["id"]) == {"written": 5, "left out": 1, "ready": 5}


def test_who_lacks_what_the_mail_must_say_is_left_out(container, desk):
    container.do("sync_contact", contact={"contact_id": "9", "email": "p9@example.com", "name": "No city"})
    container.work()
    row, _ = desk.create(OURS)
    desk.send(row["id"])
    finish(desk)
    assert "p9@example.com" not in written(container)
    assert desk.find(row["id"])["left_out"] == 1


def test_pause_resume_and_cancel_take_effect_on_what_waits(container, monkeypatch):
    monkeypatch.setattr("mailworker.campaigns.worker_campaigns.AT_ONCE", 2)
    monkeypatch.setattr("mailworker.campaigns.worker_campaigns.WINDOW", 2)
    desk = desk_of(container)
    row, _ = desk.create(OURS)
    desk.send(row["id"])
    finish(desk)
    assert len(rows(container)) == 2, "no more than the window waits"
    assert desk.pause(row["id"]) == 2
    finish(desk)
    assert [one["state"] for one in rows(container)] == ["held", "held"]
    assert desk.resume(row["id"]) == 2
    sent(container)
    finish(desk)
    assert len(rows(container)) == 4
    assert desk.cancel(row["id"]) == 2
    finish(desk)
    assert sorted(one["state"] for one in rows(container)) == ["cancelled", "cancelled", "sent", "sent"]
    with pytest.raises(BadInput, match="is cancelled, so it cannot become sending"):
        desk.send(row["id"])


@pytest.mark.parametrize("verb", ["send", "schedule"])
def test_none_of_ours_begins_while_nobody_would_hear_who_unsubscribes(container, verb):
    faults = ["No webhook is registered at Mailjet for the event unsub: mend it."]
    desk = desk_of(container, lambda: faults)
    row, _ = desk.create(OURS)
    begin = (
        partial(desk.schedule, row["id"], "2026-11-02T10:00")
        if verb == "schedule"
        else partial(desk.send, row["id"])
    )
    with pytest.raises(BadInput, match=r"Offer: No webhook is registered .* mend it\. Nothing was sent"):
        begin()
    finish(desk)
    assert (rows(container), desk.find(row["id"])["state"]) == ([], "draft")
    faults.clear()
    begin()
    assert desk.find(row["id"])["state"] == ("scheduled" if verb == "schedule" else "sending")


def test_it_is_sent_when_every_message_is(container, desk):
    row, _ = desk.create(OURS)
    desk.send(row["id"])
    finish(desk)
    assert desk.find(row["id"])["state"] == "sending"
    sent(container)
    finish(desk)
    assert desk.find(row["id"])["state"] == "sent"


def test_a_scheduled_one_begins_at_its_time(container, desk):
    row, _ = desk.create(OURS)
    desk.schedule(row["id"], "2026-11-02T10:00")
    finish(desk)
    assert rows(container) == []
    container.clock.now = datetime(2026, 11, 2, 9, 0, 1, tzinfo=ZoneInfo("UTC"))
    finish(desk)
    assert len(rows(container)) == 6


def due(container, desk):
    """A campaign of ours, whose time has come since it was scheduled."""
    row, _ = desk.create(OURS)
    desk.schedule(row["id"], "2026-11-02T10:00")
    container.clock.now = datetime(2026, 11, 2, 9, 0, 1, tzinfo=ZoneInfo("UTC"))
    return row["id"]


def test_a_scheduled_one_whose_unsubscriptions_are_not_heard_any_more_is_a_draft_again(container):
    faults = []
    desk = desk_of(container, lambda: faults)
    id_ = due(container, desk)
    faults.append("Mailjet gave up posting the event unsub: mend it.")
    finish(desk)
    found = desk.find(id_)
    assert (rows(container), found["state"]) == ([], "draft")
    assert found["note"] == "Offer: Mailjet gave up posting the event unsub: mend it. Nothing was sent."
    faults.clear()
    finish(desk)
    assert rows(container) == [], "it waits for a person"
    desk.schedule(id_, "2026-11-02T11:00")
    container.clock.now += timedelta(hours=1)
    finish(desk)
    found = desk.find(id_)
    assert (len(rows(container)), found["state"], found["note"]) == (6, "sending", None)


@pytest.mark.parametrize("away", [Unreachable("away"), UnknownOutcome("no answer"), Refused("odd")])
def test_a_scheduled_one_waits_while_mailjet_cannot_be_asked_and_the_others_go_on(container, away):
    faults = []

    def ask():
        if faults:
            raise faults[0]
        return ()

    desk = desk_of(container, ask)
    other, _ = desk.create({**OURS, "name": "Other"})
    desk.send(other["id"])
    id_ = due(container, desk)
    faults.append(away)
    finish(desk)
    found = desk.find(id_)
    why = f"Mailjet cannot be asked whether it may begin; it begins once that can be, within a day of its time: {away}"
    assert (found["state"], found["note"], desk.find(other["id"])["written"]) == ("scheduled", why, 6)
    with container.ledger.read() as connection:
        assert list(campaign_faults(connection)) == [f"The campaign Offer waits: {why}."]
    faults.clear()
    finish(desk)
    assert (desk.find(id_)["state"], desk.find(id_)["note"], len(rows(container))) == ("sending", None, 12)


@pytest.mark.parametrize("away", [Unreachable("Mailjet is away"), None])
def test_one_that_could_not_begin_within_a_day_is_a_draft_and_told(container, away):
    """Mailjet was away, or no worker ran: an offer of yesterday is not sent without being asked."""

    def ask():
        if away:
            raise away
        return ()

    desk = desk_of(container, ask)
    id_ = due(container, desk_of(container))
    if away:
        finish(desk)
    container.clock.now += timedelta(days=1)
    finish(desk)
    found = desk.find(id_)
    assert (found["state"], rows(container)) == ("draft", [])
    assert found["note"].startswith("It did not begin within a day of its time, 2026-11-02 09:00 UTC")
    assert ("Mailjet is away" in found["note"]) is bool(away)
    with container.ledger.read() as connection:
        assert "campaign send Offer" in next(campaign_faults(connection))


REFUSED_OF_OURS = [
    ({"kind": "api_crmCommunicationNotice"}, "is service mail, which passes an unsubscribe"),
    ({"kind": "api_crmCommunicationNewz"}, "did you mean 'api_crmCommunicationNews'?"),
    ({"values": {}}, "its variable offer is no contact's property"),
    ({"values": {"offer": "x", "ofer": "y"}}, "has no variable ofer; did you mean 'offer'?"),
    ({"subject": "x"}, "subject: the kind's block in crm_config.yaml says it."),
]


def test_a_wrong_campaign_of_ours_is_refused(desk, subtests):
    for asked, told in REFUSED_OF_OURS:
        with subtests.test(asked=asked):
            with pytest.raises(BadInput) as fault:
                desk.create({**OURS, **asked})
            assert told in str(fault.value)
            assert desk.latest() == []


def test_the_test_of_ours_may_be_repeated_and_is_no_part_of_the_campaign(container, desk):
    row, _ = desk.create(OURS)
    desk.test(row["id"], ["me@example.com"])
    desk.test(row["id"], ["me@example.com"])
    assert written(container) == ["me@example.com"] * 2
    assert desk.stats(row["id"]) == {"written": 0, "left out": 0}


def test_a_campaign_that_cannot_go_on_is_paused_with_its_reason_and_the_others_go_on(container, desk):
    stuck, _ = desk.create(OURS)
    fine, _ = desk.create({**OURS, "name": "Other"})
    for row in (stuck, fine):
        desk.send(row["id"])
    with container.ledger.write() as connection:
        content = {**stuck["content"], "kind": "api_crmCommunicationGone"}
        campaign_rows.note(connection, stuck["id"], now=container.clock(), content=content)
    finish(desk)
    found = desk.find(stuck["id"])
    assert (found["state"], found["written"]) == ("paused", 0)
    assert found["note"] == "Offer: its kind api_crmCommunicationGone is not in crm_config.yaml any more."
    assert (desk.find(fine["id"])["state"], desk.find(fine["id"])["written"]) == ("sending", 6)


def test_of_two_operators_the_second_looks_again(container, desk):
    row, _ = desk.create(OURS)
    desk.send(row["id"])
    before = desk.find(row["id"])
    desk.cancel(row["id"])
    for late in (desk._workers.pause, desk._workers.cancel):
        with pytest.raises(BadInput, match="Offer: somebody else has just changed it; look at it again"):
            late(before)
    assert desk.find(row["id"])["state"] == "cancelled"


def test_what_an_operator_mistypes_is_a_sentence(desk):
    ours, _ = desk.create(OURS)
    theirs, _ = desk.create({**MAIL, "segment": 'city = "Lyon"'})
    with pytest.raises(BadInput, match=r"there is none of this name; did you mean 'Offer'\?"):
        desk.find("Ofer")
    with pytest.raises(BadInput, match="there is none of this name; see mailworker campaign list"):
        desk.pause("zzzz")
    for verb in ("pause", "resume"):
        with pytest.raises(
            BadInput, match=f"Autumn: Mailjet sends it, and cannot {verb}; cancel it before its time"
        ):
            getattr(desk, verb)(theirs["id"])
    with pytest.raises(BadInput, match="Offer: is draft; only a paused campaign can be resumed"):
        desk.resume("Offer")
    desk.send(ours["id"])
    with pytest.raises(BadInput, match="Offer: is sending, so it cannot become sending"):
        desk.resume("Offer")
    with pytest.raises(BadInput, match="to: is not an e-mail address"):
        desk.test("Offer", ["nobody"])
    with pytest.raises(BadInput, match="there is a campaign of this name already"):
        desk.create(OURS)


def test_how_far_a_campaign_is(container, desk):
    row, _ = desk.create(OURS)
    left = {"written": 0, "left out": 0, "waiting": 0, "sent": 0}
    assert {**desk.progress("Offer"), **left} == desk.progress("Offer")
    assert desk.progress("Offer")["contacts that get it"] == 6
    desk.send(row["id"])
    finish(desk)
    found = desk.progress("Offer")
    assert (found["contacts that get it"], found["written"], found["waiting"], found["sent"]) == (6, 6, 6, 0)
    sent(container)
    finish(desk)
    found = desk.progress("Offer")
    assert (found["contacts that get it"], found["written"], found["waiting"], found["sent"]) == (6, 6, 0, 6)
    assert [one["name"] for one in desk.latest()] == ["Offer"]
    assert desk.latest(limit=0) == []


def sent(container):
    now = container.clock()
    with container.ledger.write() as connection:
        ids = [row["id"] for row in rows(container) if row["state"] == "ready"]
        connection.execute(messages.update().where(messages.c.id.in_(ids)).values(state="sending"))
        gone = [Settlement(id_, State.SENT, "accepted by Mailjet") for id_ in ids]
        settle(connection, gone, now=now, expected=State.SENDING)


def test_what_mailjet_refuses_is_told_and_may_be_mended(container, desk):
    row, _ = desk.create({**MAIL, "segment": 'city = "Lyon"'})
    container.mailjet.world.campaigns.contents.clear()
    with pytest.raises(Refused):
        desk.send(row["id"])
    assert desk.find(row["id"])["state"] == "draft"
