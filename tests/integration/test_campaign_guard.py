"""Nobody who must not be written to gets a campaign, whoever sends it and whatever happened before."""

from contextlib import suppress as ignoring
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from mailworker.campaigns import (
    AudienceCount,
    CampaignManager,
    CampaignPolicies,
    MailjetCampaigns,
    WorkerCampaigns,
)
from mailworker.cli.doctor_checks.contacts_and_campaigns import campaign_faults
from mailworker.config.settings import parse_settings
from mailworker.core.kind import Kind, Variable
from mailworker.core.lane import Lane
from mailworker.deliveries import Deliveries
from mailworker.dispatch import DispatchDependencies, Dispatcher
from mailworker.errors import BadInput, MailworkerError, Refused, UnknownOutcome, Unreachable
from mailworker.export_and_erasure import Privacy
from mailworker.intake.job_row import row_of
from mailworker.ledger.recipient_standings import suppressed
from mailworker.ledger.suppressions import lift
from mailworker.ledger.tables import messages
from mailworker.mailjet.parse_webhook import parse_events
from mailworker.simulator.campaign_drafts import DRAFT, PROGRAMMED, SENT
from tests.doubles import FakeBreaker, FakeBucket, FakeFiles, FakePost, MemoryJournal
from tests.integration.contact_container import contact_container

pytestmark = pytest.mark.integration

NEWS = "api_crmCommunicationNews"
KINDS = {NEWS: Kind(NEWS, (Variable("name"),), service=False)}
CONFIG = f"""
mailjet:
  api_key: k
  api_secret: s
  {NEWS}:
    from_email: a@house.example
    from_name: A
    template_id: 4
    subject: N
    variables: [name]
    service: false
    languages: {{en: {{template_id: 5, subject: E}}}}
"""
MAIL = {"name": "Autumn", "subject": "Bonjour", "html": "<p>Bonjour</p>", "from_email": "news@example.com"}
OURS = {"name": "Offer", "kind": NEWS, "everybody": True}
HARD = {"hard_bounce": True, "error_related_to": "recipient", "error": "user unknown"}


@pytest.fixture
def container(tmp_path, mailjet):
    with contact_container(tmp_path, mailjet=mailjet) as one:
        for number in range(6):
            put(one, number)
        one.work()
        yield one


def put(container, number, email=None, version=None, **more):
    contact = {"contact_id": str(number), "email": email or f"p{number}@example.com", "name": f"P{number}"}
    contact |= {"customer_id": "C1", "contact_type": "billing", **more}
    container.do("sync_contact", contact=contact | ({"version": version} if version else {}))


def desk_of(container, allows=lambda _email: True):
    config, clock = container.settings, container.clock
    mailjets = MailjetCampaigns(container.ledger, container.gateway, config.list_name, clock)
    audiences = AudienceCount(container.ledger, config)
    workers = WorkerCampaigns(
        container.ledger, audiences, KINDS, lambda job, now: row_of(job, (), now), clock
    )
    rules = CampaignPolicies(config, KINDS, ZoneInfo("Europe/Paris"), clock, allows)
    return CampaignManager(container.ledger, rules, mailjets, workers)


def dispatcher_of(container):
    post = FakePost()
    deps = DispatchDependencies(
        container.ledger, FakeBucket(), post, FakeFiles(), lambda rows: {}, FakeBreaker(), MemoryJournal()
    )
    return Dispatcher(parse_settings(CONFIG, environ={}), deps, clock=container.clock), post


def tell(container, event, email, **fields):
    """Mailjet's webhook tells of an address."""
    at = int(container.clock().timestamp())
    raw = {
        "event": event,
        "time": at,
        "MessageID": abs(hash((event, email, at))) % 10**15 + 1,
        "email": email,
    }
    Deliveries(container.ledger, KINDS).record(parse_events([raw | fields]), now=container.clock())


def arrived(container):
    return sorted(one.to[0] for one in container.mailjet.mails)


def dispatched(container, desk):
    """Send what our workers wrote; gives who got it."""
    dispatcher, post = dispatcher_of(container)
    got = []
    while desk.step() or dispatcher.waiting(Lane.BULK):
        if (done := dispatcher.dispatch_once(Lane.BULK, patience=1)) is not None and done.called:
            got += [mail.to.email for mail in post.mails]
        container.clock.forward(1)
    return sorted(got)


@pytest.mark.parametrize("workers_told_mailjet", [True, False])
def test_what_events_said_counts_for_mailjets_own_campaigns(container, workers_told_mailjet):
    tell(container, "unsub", "p0@example.com")
    tell(container, "spam", "p1@example.com", source="JMRPP")
    tell(container, "bounce", "P2@example.com", **HARD)
    if workers_told_mailjet:
        container.work()
        book = container.mailjet.world.contacts
        assert [book.find(f"p{n}@example.com").excluded for n in range(4)] == [True, True, True, False]
    desk = desk_of(container)
    row, audience = desk.create({**MAIL, "everybody": True})
    assert (audience.contacts, audience.reachable) == (6, 3)
    if not workers_told_mailjet:
        container.work()
    assert desk.preview(row["name"]).reachable == 3
    desk.send(row["name"])
    assert arrived(container) == [f"p{n}@example.com" for n in (3, 4, 5)]


def test_a_campaign_tells_mailjet_itself_what_came_a_moment_ago(container):
    desk = desk_of(container)
    row, _ = desk.create({**MAIL, "everybody": True})
    tell(container, "unsub", "p0@example.com")
    book = container.mailjet.world.contacts
    place = next(one for one in book.memberships.values() if one.contact.email == "p1@example.com")
    book.act(place.contact, place.list_id, "unsub", container.clock())  # by hand at Mailjet, on one list
    book.find("p2@example.com").excluded = True
    desk.send(row["name"])
    assert arrived(container) == [f"p{n}@example.com" for n in (3, 4, 5)]
    assert book.find("p0@example.com").excluded


def test_somebody_whom_the_crm_does_not_know_is_told_to_mailjet_too(container):
    book = container.mailjet.world.contacts
    book.ensure("stranger@xn--exmple-cua.fr", "", container.clock())
    tell(container, "spam", "Stranger@exämple.fr")
    container.work()
    assert book.find("stranger@xn--exmple-cua.fr").excluded
    assert "stranger@exämple.fr" not in container.rows


def test_a_campaign_does_not_leave_to_people_whom_the_crm_does_not_know(container):
    desk = desk_of(container)
    row, _ = desk.create({**MAIL, "everybody": True})
    book = container.mailjet.world.contacts
    number = next(n for n, one in book.lists.rows.items() if one["Name"] == "OmniCRM")
    book.act(
        book.ensure("stranger@example.org", "", container.clock()), number, "addnoforce", container.clock()
    )
    with pytest.raises(BadInput, match="1 contact whom the CRM does not have there"):
        desk.send(row["name"])
    assert arrived(container) == []
    assert desk.find(row["name"])["state"] == "draft"


def test_a_campaign_does_not_leave_by_what_is_out_of_date(container):
    desk = desk_of(container)
    row, _ = desk.create({**MAIL, "segment": 'contact_type = "billing"'})
    put(container, 0, contact_type="technical", version=2)
    with pytest.raises(BadInput, match="1 changed contact is not pushed to Mailjet yet"):
        desk.send(row["name"])
    container.work()
    assert desk.preview(row["name"]).reachable == 5
    desk.send(row["name"])
    assert arrived(container) == [f"p{n}@example.com" for n in range(1, 6)]


def test_outside_production_mailjet_sends_to_the_safelist_or_not_at_all(container):
    desk = desk_of(container, allows=lambda email: email == "p1@example.com")
    row, audience = desk.create({**MAIL, "everybody": True})
    assert (audience.outside, audience.reachable) == (5, 1)
    with pytest.raises(BadInput, match=r"not on worker\.safelist"):
        desk.send(row["name"])
    with pytest.raises(BadInput, match=r"to\[0\]: is not on worker\.safelist"):
        desk.test(row["name"], ["me@example.com"])
    assert arrived(container) == []


@pytest.mark.parametrize("asked", [{**MAIL, "everybody": True}, OURS])
def test_a_test_mail_goes_to_nobody_who_must_not_get_it(container, asked):
    tell(container, "unsub", "me@example.com")
    desk = desk_of(container)
    row, _ = desk.create(asked)
    with pytest.raises(BadInput, match=r"to\[1\]: the address is on the suppression list: unsubscribed"):
        desk.test(row["name"], ["you@example.com", "Me@Example.com"])
    assert (arrived(container), dispatched(container, desk)) == ([], [])


def test_a_test_mail_is_not_in_the_figures(container):
    desk = desk_of(container)
    row, _ = desk.create({**MAIL, "everybody": True})
    desk.test(row["name"], ["me@example.com"])
    desk.send(row["name"])
    assert desk.stats(row["name"])["sent"] == 6


def test_only_what_is_paused_is_resumed(container):
    desk = desk_of(container)
    row, _ = desk.create(OURS)
    with pytest.raises(BadInput, match="is draft; only a paused campaign can be resumed"):
        desk.resume(row["name"])
    desk.schedule(row["name"], (container.clock() + timedelta(days=1)).isoformat())
    with pytest.raises(BadInput, match="is scheduled; only a paused campaign can be resumed"):
        desk.resume(row["name"])
    assert dispatched(container, desk) == []


def test_each_contact_reads_their_own_language(container):
    put(container, 0, language="en_GB", version=2)
    container.work()
    desk = desk_of(container)
    desk.send(desk.create(OURS)[0]["name"])
    while desk.step():
        pass
    dispatcher, post = dispatcher_of(container)
    dispatcher.dispatch_once(Lane.BULK, patience=1)
    assert {mail.to.email: mail.template_id for mail in post.mails} == {
        f"p{n}@example.com": 5 if n == 0 else 4 for n in range(6)
    }


def test_what_forbids_it_after_it_was_written_stops_it(container):
    desk = desk_of(container)
    row, audience = desk.create(OURS)
    assert audience.reachable == 6
    desk.send(row["name"])
    desk.step()
    desk.pause(row["name"])
    tell(container, "unsub", "p0@example.com")
    container.mailjet.world.contacts.find("p1@example.com").excluded = True
    container.look()
    container.do("delete_contact", email="p2@example.com")
    put(container, 3, email="new3@example.com", version=2)
    put(container, 9, email="p3@example.com")
    desk.resume(row["name"])
    assert dispatched(container, desk) == [
        "new3@example.com",
        "p3@example.com",
        "p4@example.com",
        "p5@example.com",
    ]


def test_an_address_that_passes_to_somebody_else_takes_nothing_with_it(container):
    with container.ledger.write() as connection:
        for number, customer in ((0, "C1"), (1, None)):
            connection.execute(messages.insert().values(**waiting(container, number, customer)))
    put(container, 0, email="moved0@example.com", version=2)
    assert to_of(container) == {"m0": "p0@example.com", "m1": "p1@example.com"}, "nobody else has it"
    container.clock.forward(60)
    put(container, 7, email="p0@example.com", customer_id="C2")
    container.do("delete_contact", email="p1@example.com")
    put(container, 8, email="p1@example.com", customer_id="C2", version=1)
    assert to_of(container)["m0"] == "moved0@example.com"


def waiting(container, number, customer):
    now = container.clock()
    return {
        "id": f"m{number}", "idempotency_key": f"k{number}", "fingerprint": "f", "kind": NEWS, "lane": 1,
        "language": "fr", "customer_id": customer, "to_email": f"p{number}@example.com",
        "to_canonical": f"p{number}@example.com", "variables": {"email": f"p{number}@example.com"},
        "recipients": 1, "content_bytes": 1, "batch_limit": 50, "state": "ready", "not_before": now + timedelta(days=1),
        "attempts": 0, "lookups": 0, "accepted_at": now, "changed_at": now,
    }  # fmt: skip


def to_of(container):
    with container.ledger.read() as connection:
        return {
            row.id: row.to_email for row in connection.execute(select(messages.c.id, messages.c.to_email))
        }


def test_a_lifted_address_gets_campaigns_again_and_an_old_event_does_not_undo_it(container):
    tell(container, "unsub", "p0@example.com")
    container.work()
    container.clock.forward(60)
    with container.ledger.write() as connection:
        lift(connection, "P0@example.com", why="she asked for it", by="ops", now=container.clock())
    container.work()
    assert not container.mailjet.world.contacts.find("p0@example.com").excluded
    desk = desk_of(container)
    assert desk.create({**MAIL, "everybody": True})[1].reachable == 6
    old = {
        "event": "unsub",
        "time": int(container.clock().timestamp()) - 50,
        "MessageID": 5,
        "email": "p0@example.com",
    }
    Deliveries(container.ledger, KINDS).record(parse_events([old]), now=container.clock())
    assert desk.preview("Autumn").reachable == 6
    tell(container, "unsub", "p0@example.com")
    assert desk.preview("Autumn").reachable == 5


def test_what_mailjet_is_about_to_send_is_looked_at_once_more(container):
    container.clock.now = datetime.now(UTC)
    desk = desk_of(container)
    row, _ = desk.create({**MAIL, "everybody": True})
    desk.schedule(row["name"], (container.clock() + timedelta(hours=1)).isoformat())
    tell(container, "unsub", "p0@example.com")
    book = container.mailjet.world.contacts
    number = next(n for n, one in book.lists.rows.items() if one["Name"] == "OmniCRM")
    desk.step()
    assert not book.find("p0@example.com").excluded, "not yet"
    container.clock.forward(3500)
    desk.step()
    assert book.find("p0@example.com").excluded
    assert desk.find(row["name"])["state"] == "scheduled"
    other, _ = desk.create({**MAIL, "name": "Winter", "everybody": True})
    desk.schedule(other["name"], (container.clock() + timedelta(minutes=2)).isoformat())
    stranger = book.ensure("stranger@example.org", "", container.clock())
    book.act(stranger, number, "addnoforce", container.clock())
    desk.step()
    found = desk.find(other["name"])
    assert found["state"] == "draft"
    assert "the CRM does not have there" in found["note"]


@pytest.mark.parametrize("away", [Unreachable("away"), UnknownOutcome("no answer"), Refused("odd")])
def test_what_cannot_be_looked_at_now_is_looked_at_at_the_next_step(container, monkeypatch, away):
    container.clock.now = datetime.now(UTC)
    desk = desk_of(container)
    row, _ = desk.create({**MAIL, "everybody": True})
    desk.schedule(row["name"], (container.clock() + timedelta(minutes=2)).isoformat())
    tell(container, "unsub", "p0@example.com")

    def refuse(_row):
        raise away

    with monkeypatch.context() as patched:
        patched.setattr(desk._guard, "demand_audience", refuse)
        desk.step()
    contacts = container.mailjet.world.contacts
    assert not contacts.find("p0@example.com").excluded
    found = desk.find(row["name"])
    assert found["state"] == "scheduled"
    why = f"Mailjet cannot be asked whom it would go to, and sends it at its time: {away}"
    with container.ledger.read() as connection:
        assert list(campaign_faults(connection)) == [f"The campaign Autumn waits: {why}."]
    desk.step()
    assert contacts.find("p0@example.com").excluded
    assert desk.find(row["name"])["note"] is None


@pytest.mark.parametrize(
    ("looked", "note"),
    [(True, None), (False, "Whom it goes to could not be looked at once more before Mailjet sent it.")],
)
def test_what_mailjet_sent_at_its_time_is_noted_as_sent(container, monkeypatch, looked, note):
    container.clock.now = datetime.now(UTC)
    desk = desk_of(container)
    row, _ = desk.create({**MAIL, "everybody": True})
    desk.schedule(row["name"], (container.clock() + timedelta(minutes=2)).isoformat())
    if looked:
        desk.step()
    container.clock.forward(200)
    with monkeypatch.context() as patched:
        patched.setattr(desk._mailjets, "catch_up", raising(Unreachable("Mailjet is away")))
        desk.step()
    found = desk.find(row["name"])
    assert found["note"] == "Mailjet cannot be asked whether it has sent it: Mailjet is away"
    container.clock.forward(61)
    asked, catch_up = [], desk._mailjets.catch_up

    def is_told_of(row):
        with container.ledger.read() as connection:
            asked.extend(campaign_faults(connection))
        catch_up(row)

    with monkeypatch.context() as patched:
        patched.setattr(desk._mailjets, "catch_up", is_told_of)
        desk.step()
    assert asked, "while it is asked again, which may take long, the alert goes on"
    container.mailjet.world.campaigns.drafts.rows[row["draft_id"]]["Status"] = SENT
    desk.step()
    assert desk.find(row["name"])["state"] == "scheduled", "it was asked a moment ago"
    container.clock.forward(61)
    desk.step()
    found = desk.find(row["name"])
    assert (found["state"], found["note"]) == ("sent", note)


def test_what_somebody_took_away_at_mailjet_is_asked_about_no_more(container):
    container.clock.now = datetime.now(UTC)
    desk = desk_of(container)
    row, _ = desk.create({**MAIL, "everybody": True})
    desk.schedule(row["name"], (container.clock() + timedelta(minutes=2)).isoformat())
    del container.mailjet.world.campaigns.drafts.rows[row["draft_id"]]
    assert desk.stats(row["name"]) == {}
    assert desk.find(row["name"])["state"] == "scheduled", "who looks with another account's key ends nothing"
    container.clock.forward(200)
    desk.step()
    found = desk.find(row["name"])
    assert (found["state"], found["note"][:31]) == ("cancelled", "Mailjet has its draft no more; ")


@pytest.mark.parametrize("status", [DRAFT, PROGRAMMED])
def test_what_mailjet_has_not_sent_an_hour_after_its_time_is_told(container, status):
    """Somebody took it off the schedule there, or Mailjet blocks the account: it would wait for ever."""
    container.clock.now = datetime.now(UTC)
    desk = desk_of(container)
    row, _ = desk.create({**MAIL, "everybody": True})
    desk.schedule(row["name"], (container.clock() + timedelta(minutes=2)).isoformat())
    container.mailjet.world.campaigns.drafts.rows[row["draft_id"]]["Status"] = status

    def told(seconds):
        container.clock.forward(seconds)
        desk.step()
        with container.ledger.read() as connection:
            return [*campaign_faults(connection)]

    assert told(300) == []
    (fault,) = told(3600)
    assert fault.startswith(
        "The campaign Autumn waits: Mailjet does not say that it has sent it, long after its time;"
    )
    container.mailjet.world.campaigns.drafts.rows[row["draft_id"]]["Status"] = SENT
    assert told(61) == []
    assert desk.find(row["name"])["state"] == "sent"


def raising(fault):
    def raises(*_):
        raise fault

    return raises


def test_who_was_merged_or_made_anew_gets_it_once(container, monkeypatch):
    monkeypatch.setattr("mailworker.campaigns.worker_campaigns.AT_ONCE", 2)
    put(container, 10, email="p0@example.com")
    container.work()
    desk = desk_of(container)
    row, audience = desk.create(OURS)
    assert audience.reachable == 6
    desk.send(row["name"])
    desk.step()
    container.do("delete_contact", email="p1@example.com")
    container.work()
    container.clock.forward(60)
    put(container, 11, email="p1@example.com")
    put(container, 0, email="other0@example.com", version=9)
    got = dispatched(container, desk)
    assert len(got) == len(set(got))
    assert set(got) <= {"other0@example.com", *(f"p{n}@example.com" for n in range(6))}


def test_the_preview_of_our_own_lane_leaves_out_who_lacks_something(container):
    put(container, 9, name="")
    container.work()
    desk = desk_of(container)
    row, audience = desk.create(OURS)
    assert (audience.lacking, audience.reachable) == (1, 6)
    desk.send(row["name"])
    assert len(dispatched(container, desk)) == 6


# ---- any sequence

PEOPLE, ADDRESSES = range(4), [f"a{n}@exämple.fr" for n in range(6)]
STEPS = st.one_of(
    st.tuples(st.just("event"), st.sampled_from(["unsub", "spam", "bounce"]), st.sampled_from(ADDRESSES)),
    st.tuples(st.just("move"), st.sampled_from(PEOPLE), st.sampled_from(ADDRESSES)),
    st.tuples(st.just("consent"), st.sampled_from(PEOPLE), st.sampled_from(["yes", "no", "", "vielleicht"])),
    st.tuples(st.just("erase"), st.sampled_from(ADDRESSES)),
    st.tuples(st.just("exclude at mailjet"), st.sampled_from(ADDRESSES)),
    st.tuples(st.just("unsubscribe at mailjet"), st.sampled_from(ADDRESSES)),
    st.tuples(st.just("stranger"), st.sampled_from(ADDRESSES)),
    st.tuples(st.just("work")),
    st.tuples(st.just("look")),
    st.tuples(st.just("write")),
    st.tuples(st.just("pause")),
    st.tuples(st.just("resume")),
)


class Story:
    """Plays steps, and remembers by itself who must get no campaign."""

    def __init__(self, container):
        self.container, self.desk, self.version = container, desk_of(container), 1
        self.at = dict(zip(PEOPLE, ADDRESSES, strict=False))
        self.wish = dict.fromkeys(PEOPLE, "yes")
        self.said_no: set[str] = set()
        for person in PEOPLE:
            self.sync(person)
        container.work()
        self.ours = self.desk.create(OURS)[0]["name"]

    def sync(self, person):
        self.version += 1
        self.container.clock.forward(1)
        fields = {"news": self.wish[person]}
        put(self.container, person, email=self.at[person], version=self.version, custom_fields=fields)

    def play(self, step, *given):
        self.container.clock.forward(5)
        getattr(self, step.replace(" ", "_"))(*given)

    def event(self, word, email):
        spelled = email.upper() if word == "spam" else email.replace("exämple", "xn--exmple-cua")
        tell(self.container, word, spelled, **(HARD if word == "bounce" else {}))
        self.said_no.add(email)

    def move(self, person, email):
        if email in self.at.values():  # two people at one address is another story
            return
        if (before := self.at.get(person)) in self.said_no and not self.bounced_only(before):
            self.said_no.add(email)
        self.at[person] = email
        self.sync(person)

    def bounced_only(self, email):
        with self.container.ledger.read() as connection:
            return suppressed(connection, [email]).get(email) == "hard_bounce"

    def consent(self, person, wish):
        self.wish[person] = wish
        if person in self.at:
            self.sync(person)

    def erase(self, email):
        Privacy(self.container.ledger, FakeFiles()).erase(email, now=self.container.clock())
        self.container.do("delete_contact", email=email)
        self.at = {person: one for person, one in self.at.items() if one != email}

    def at_mailjet(self, email):
        return self.container.mailjet.world.contacts.find(email.replace("exämple", "xn--exmple-cua"))

    def exclude_at_mailjet(self, email):
        if (found := self.at_mailjet(email)) is not None:
            found.excluded = True
            self.look()
            if email in self.at.values():
                self.said_no.add(email)

    def unsubscribe_at_mailjet(self, email):
        book = self.container.mailjet.world.contacts
        if (found := self.at_mailjet(email)) is not None and (joined := book.memberships_of(found)):
            book.act(found, joined[0].list_id, "unsub", self.container.clock())
            self.look()
            self.said_no.add(email)

    def stranger(self, email):
        book = self.container.mailjet.world.contacts
        for number, row in book.lists.rows.items():
            if row["Name"] == "OmniCRM":
                one = book.ensure(email.replace("exämple", "xn--exmple-cua"), "", self.container.clock())
                book.act(one, number, "addnoforce", self.container.clock())

    def work(self):
        self.container.work()

    def look(self):
        self.container.look()

    def write(self):
        with ignoring(BadInput):
            self.desk.send(self.ours)
        self.desk.step()

    def pause(self):
        with ignoring(BadInput):
            self.desk.pause(self.ours)

    def resume(self):
        with ignoring(BadInput):
            self.desk.resume(self.ours)

    def may_get(self):
        """By what was played alone."""
        return {
            email
            for person, email in self.at.items()
            if self.wish[person] == "yes" and email not in self.said_no
        }

    def check(self):
        got = self.of_ours() + self.of_mailjets()
        assert set(got) <= self.may_get()

    def of_ours(self):
        self.resume()
        return dispatched(self.container, self.desk)

    def of_mailjets(self):
        try:
            row, _ = self.desk.create({**MAIL, "everybody": True})
            shown = self.desk.preview(row["name"]).reachable
            self.desk.send(row["name"])
        except MailworkerError:
            return []
        got = [email.replace("xn--exmple-cua", "exämple") for email in arrived(self.container)]
        assert len(got) == shown
        return got


@pytest.fixture
def new_container(tmp_path_factory, mailjet):
    """A container of its own for each story."""
    config = {"consent": "contact.custom_fields.news"}
    return lambda: contact_container(tmp_path_factory.mktemp("story"), config, mailjet=mailjet)


@pytest.mark.timeout(300)
@given(steps=st.lists(STEPS, max_size=14))
@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_sequence_then_each_kind_of_send(new_container, steps):
    with new_container() as container:
        story = Story(container)
        for step in steps:
            story.play(*step)
        story.check()
