"""Campaigns of our own lane, step by step: who is written to, when writing rests, where it ends; and what people may ask."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select, update

from mailworker.campaigns import Audience, AudienceCount, CampaignManager, CampaignPolicies, WorkerCampaigns
from mailworker.campaigns import worker_campaigns as module
from mailworker.config.contacts import ContactSettings
from mailworker.core.kind import Kind, Variable
from mailworker.core.lane import Lane
from mailworker.errors import BadInput, Refused, Unreachable
from mailworker.intake.job_row import row_of
from mailworker.ledger import campaign_rows
from mailworker.ledger.contact_tables import mailjet_contacts
from mailworker.ledger.crm_contact_rows import write_people
from mailworker.ledger.mailjet_contact_rows import add_entries, new_entry
from mailworker.ledger.tables import messages
from mailworker.rules.campaign_rules import CAMPAIGN_ID, UNFINISHED
from mailworker.rules.contact_diff import ContactPerson, Stamp

NOW = datetime(2026, 11, 2, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)
NEWS = Kind(
    "news",
    (Variable("name"), Variable("city"), Variable("offer", required=False)),
    service=False,
    lifetime=HOUR,
)
OURS = {"name": "Offer", "kind": "news", "everybody": True}
MAIL = {
    "name": "Autumn",
    "subject": "Bonjour",
    "html": "<p>B</p>",
    "from_email": "n@x.example",
    "everybody": True,
}


class Mailjets:
    """What a manager asks of Mailjet's own campaigns; everything is kept."""

    def __init__(self):
        self.asked = []
        self.active = {}
        self.strangers = 0
        self.way_out = True
        self.audience = self

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)

        def asked(*given):
            self.asked.append(
                (name, *(one["id"] if isinstance(one, dict) and "id" in one else one for one in given))
            )
            return {"stats": {"sent": 3}, "send": "Mailjet sends it"}.get(name)

        return asked

    def read_back(self, contact_type):
        self.asked.append(("read_back", contact_type))
        return SimpleNamespace(active=dict(self.active), strangers=self.strangers)

    keep_out = read_back

    def shows_way_out(self, id_):
        self.asked.append(("shows_way_out", id_))
        return self.way_out


@pytest.fixture
def scene(ledger):
    clock = SimpleNamespace(now=NOW)
    settings = ContactSettings()
    workers = WorkerCampaigns(
        ledger,
        AudienceCount(ledger, settings),
        {"news": NEWS},
        lambda job, now: row_of(job, (), now),
        lambda: clock.now,
    )
    mailjets = Mailjets()
    rules = CampaignPolicies(
        settings,
        {"news": NEWS},
        ZoneInfo("Europe/Paris"),
        lambda: clock.now,
        templates=lambda kind: {"news": (4, 5)}[kind],
    )
    manager = CampaignManager(ledger, rules, mailjets, workers)
    found = SimpleNamespace(ledger=ledger, clock=clock, workers=workers, mailjets=mailjets, manager=manager)
    found.put = lambda *numbers, **own: put(ledger, numbers, own)
    found.mails = lambda *names: mails(ledger, names)
    return found


def put(ledger, numbers, own):
    """Contacts p0, p1, ... of Lyon with these values."""
    plain = {
        "name": "N",
        "properties": {"city": "Lyon"},
        "lists": [""],
        "excluded": None,
        "fingerprint": "f",
        "told": "f",
    }
    plain |= {"task": "tell", "audience": "a", "due_at": NOW, "changed_at": NOW - HOUR, "state": "in_step"}
    language = own.pop("language", "")
    with ledger.write() as connection:
        for number in numbers:
            email = f"p{number}@x.example"
            add_entries(connection, [new_entry(**plain | {"email": email} | own)])
            person = ContactPerson(contact_id=f"c{number}", email=email, stamp=Stamp(NOW), language=language)
            write_people(connection, [person], NOW)


def mails(ledger, names):
    columns = [messages.c[name] for name in names or ("to_email",)]
    with ledger.read() as connection:
        return [tuple(row) for row in connection.execute(select(*columns).order_by(messages.c.to_email))]


def begun(scene, **changes):
    """A campaign of ours that is being sent."""
    row, _ = scene.manager.create({**OURS, **changes})
    scene.manager.send(row["name"])
    return row["name"]


def test_what_mailjet_does_not_take_back_holds_up_no_campaign_of_ours(scene, monkeypatch):
    def fail():
        raise Refused("no such schedule")

    scene.put(0)
    begun(scene)
    monkeypatch.setattr(scene.manager._guard, "check_scheduled", fail)
    with pytest.raises(Refused, match="no such schedule"):
        scene.manager.step()
    assert scene.mails("to_email") == [("p0@x.example",)]


def test_each_contact_gets_one_mail_with_its_own_data(scene):
    scene.put(0, language="en-GB")
    scene.put(1)
    name = begun(scene, values={"offer": "-20 %"})
    assert scene.manager.step() is True
    campaign = scene.manager.find(name)
    found = scene.mails(
        "to_email", "to_name", "lane", "language", "variables", "expires_at", "idempotency_key", "kind"
    )
    same = int(Lane.BULK), {"name": "N", "city": "Lyon", "offer": "-20 %"}, NOW + HOUR
    assert found == [
        ("p0@x.example", "N", same[0], "en-gb", same[1], same[2], f"campaign:{campaign['id']}:c0", "news"),
        ("p1@x.example", "N", same[0], "fr", same[1], same[2], f"campaign:{campaign['id']}:c1", "news"),
    ]
    assert (campaign["written"], campaign["left_out"], campaign["checkpoint"]) == (2, 0, "p1@x.example")


@pytest.mark.parametrize(
    ("own", "written", "left_out"),
    [
        ({}, 1, 0),
        ({"left_out": True}, 0, 1),
        ({"unsubscribed_at": NOW}, 0, 1),
        ({"excluded": True}, 0, 1),
        ({"properties": {}}, 0, 1),
        ({"name": ""}, 0, 1),
        ({"lists": []}, 0, 0),
        ({"task": "erase"}, 0, 0),
    ],
)
def test_who_is_left_out_is_counted_and_who_is_no_member_is_not(scene, own, written, left_out):
    scene.put(9)
    scene.put(0, **own)
    name = begun(scene)
    scene.manager.step()
    row = scene.manager.find(name)
    assert (row["written"], row["left_out"]) == (written + 1, left_out)


def test_writing_goes_on_page_by_page_and_ends_after_a_second_look(scene, monkeypatch):
    monkeypatch.setattr(module, "AT_ONCE", 2)
    scene.put(0, 1, 2, 3, 4)
    name = begun(scene)
    seen = []
    for _ in range(5):
        assert scene.manager.step() is True
        row = scene.manager.find(name)
        seen.append(
            (
                row["written"],
                row["checkpoint"] and row["checkpoint"][:2],
                row["content"].get("late", False),
                row["finished_at"],
            )
        )
    assert seen == [
        (2, "p1", False, None),
        (4, "p3", False, None),
        (5, "p4", False, None),
        (5, None, True, None),
        (5, None, True, NOW),
    ]
    assert scene.manager.step() is False, "its messages are still open"
    with scene.ledger.write() as connection:
        connection.execute(update(messages).values(state="sent"))
    assert scene.manager.step() is True
    assert scene.manager.find(name)["state"] == "sent"
    assert scene.manager.step() is False


def test_the_second_look_is_at_what_changed_meanwhile(scene):
    scene.put(5)
    name = begun(scene)
    scene.manager.step()
    scene.put(1, changed_at=NOW - HOUR)
    scene.put(2, changed_at=NOW)
    scene.put(3, changed_at=NOW, left_out=True)
    for _ in range(3):
        scene.manager.step()
    assert scene.mails() == [("p2@x.example",), ("p5@x.example",)]
    row = scene.manager.find(name)
    assert (row["written"], row["left_out"], row["finished_at"]) == (2, 0, NOW)


@pytest.mark.parametrize(("window", "writes"), [(1, False), (2, True)])
def test_only_so_many_wait_at_a_time(scene, monkeypatch, window, writes):
    monkeypatch.setattr(module, "AT_ONCE", 1)
    monkeypatch.setattr(module, "WINDOW", window)
    scene.put(0, 1)
    begun(scene)
    assert scene.manager.step() is True
    assert scene.manager.step() is writes
    assert len(scene.mails()) == 1 + writes


def test_a_scheduled_campaign_begins_at_its_time(scene):
    scene.put(0)
    row, _ = scene.manager.create(OURS)
    assert scene.manager.schedule("Offer", "2026-11-02 10:00") == NOW + HOUR
    assert scene.manager.step() is False
    scene.clock.now = NOW + HOUR
    assert scene.manager.step() is True
    row = scene.manager.find("Offer")
    assert (row["state"], row["started_at"], scene.mails()) == ("sending", NOW + HOUR, [])
    assert scene.manager.step() is True
    assert len(scene.mails()) == 1


def test_of_two_campaigns_both_go_on_though_one_cannot(scene):
    scene.put(0)
    begun(scene)
    begun(scene, name="Other")
    other = scene.manager.find("Other")
    with scene.ledger.write() as connection:
        content = {**other["content"], "kind": "gone"}
        campaign_rows.note(connection, other["id"], now=NOW, content=content)
    assert scene.manager.step() is True
    other = scene.manager.find("Other")
    assert (other["state"], other["note"]) == (
        "paused",
        "Other: its kind gone is not in crm_config.yaml any more.",
    )
    assert len(scene.mails()) == 1


def states(scene):
    return sorted(state for (state,) in scene.mails("state"))


def test_to_send_what_is_paused_is_to_resume_it(scene):
    scene.put(0, 1)
    name = begun(scene)
    scene.manager.step()
    scene.clock.now += HOUR
    scene.manager.pause(name)
    scene.manager.send(name)
    found = scene.manager.find(name)
    assert (found["state"], found["started_at"]) == ("sending", NOW)
    assert states(scene) == ["ready", "ready"]


def test_pause_resume_and_cancel_move_what_waits(scene):
    scene.put(0, 1, 2)
    name = begun(scene)
    scene.manager.step()
    with scene.ledger.write() as connection:
        connection.execute(update(messages).where(messages.c.to_email == "p0@x.example").values(state="sent"))
    assert scene.manager.pause(name) == 2
    assert (scene.manager.find(name)["state"], states(scene)) == ("paused", ["held", "held", "sent"])
    with pytest.raises(BadInput):
        scene.manager.pause(name)
    assert scene.manager.step() is False
    assert scene.manager.resume(name) == 2
    assert (scene.manager.find(name)["state"], states(scene)) == ("sending", ["ready", "ready", "sent"])
    with pytest.raises(BadInput, match="is sending"):
        scene.manager.resume(name)
    scene.manager.create({**OURS, "name": "Draft"})
    with pytest.raises(BadInput, match="Draft: is draft; only a paused campaign can be resumed"):
        scene.manager.resume("Draft")
    scene.manager.pause(name)
    with scene.ledger.write() as connection:
        connection.execute(
            update(messages).where(messages.c.to_email == "p1@x.example").values(state="ready")
        )
    assert scene.manager.cancel(name) == 2
    assert (scene.manager.find(name)["state"], states(scene)) == (
        "cancelled",
        ["cancelled", "cancelled", "sent"],
    )


def test_how_far_it_is(scene):
    scene.put(0, 1, 2)
    scene.put(3, left_out=True)
    name = begun(scene)
    assert scene.manager.progress(name)["contacts that get it"] == 3
    for _ in range(3):
        scene.manager.step()
    with scene.ledger.write() as connection:
        for number, state in enumerate(("sent", "failed")):
            connection.execute(
                update(messages).where(messages.c.to_email == f"p{number}@x.example").values(state=state)
            )
    found = scene.manager.progress(name)
    assert {key: found[key] for key in ("contacts that get it", "written", "left out", "waiting", "sent", "suppressed")} == {
        "contacts that get it": 3, "written": 3, "left out": 1, "waiting": 1, "sent": 1, "suppressed": 0,
    }  # fmt: skip
    assert scene.manager.stats(name) == {"written": 3, "left out": 1, "sent": 1, "failed": 1, "ready": 1}


def test_the_test_mail_has_the_data_of_a_member(scene):
    scene.put(0, properties={"city": "Brest"})
    scene.put(1)
    scene.manager.create({**OURS, "everybody": None, "segment": 'city = "Lyon"'})
    assert scene.manager.test("Offer", ["Me@x.example", "you@x.example"]) == 2
    found = scene.mails("to_email", "variables", "language")
    assert [(email.lower(), values, language) for email, values, language in found] == [
        ("me@x.example", {"name": "N", "city": "Lyon", "offer": ""}, "fr"),
        ("you@x.example", {"name": "N", "city": "Lyon", "offer": ""}, "fr"),
    ]
    with scene.ledger.write() as connection:
        connection.execute(update(mailjet_contacts).values(properties={}))
    scene.manager.test("Offer", ["z@x.example"])
    assert scene.mails("to_email", "variables")[-1] == ("z@x.example", {"name": "", "city": "", "offer": ""})
    with pytest.raises(BadInput, match="to: is not an e-mail address"):
        scene.manager.test("Offer", ["nobody"])


def test_a_campaign_for_nobody_is_not_made(scene):
    scene.put(0, left_out=True)
    with pytest.raises(
        BadInput, match=r"segment: nobody would get it: 1 excluded from campaigns\. Nothing was made\."
    ):
        scene.manager.create(OURS)
    with pytest.raises(BadInput, match="campaign: there is none of this name; see"):
        scene.manager.find("Offer")
    for name in ("zoe@x.example", "Claire Martin", "x" * 101, "a\nb"):
        with pytest.raises(BadInput, match=r"none of this name; see mailworker campaign list\.$"):
            scene.manager.find(name)


def test_who_is_left_out_is_said_by_reason():
    assert Audience(9).left_out() == ""
    all_ = Audience(9, unsubscribed=1, excluded=2, suppressed=3, missing=4, outside=5, lacking=6)
    assert all_.left_out() == (
        "1 unsubscribed, 2 excluded from campaigns, 3 on the suppression list, 4 not on Mailjet's list "
        "(mailworker contacts sync puts them back), 6 lacking what the mail prints, 5 not on worker.safelist"
    )


def test_a_name_is_used_once_and_a_near_one_is_named(scene):
    scene.put(0)
    row, audience = scene.manager.create(OURS)
    assert (audience.reachable, row["state"], row["way"], row["created_at"]) == (1, "draft", "workers", NOW)
    with pytest.raises(BadInput, match="there is a campaign of this name already"):
        scene.manager.create(OURS)
    with pytest.raises(BadInput, match="did you mean 'Offer'"):
        scene.manager.find("Ofer")
    assert scene.manager.find(row["id"])["name"] == "Offer"
    assert [one["name"] for one in scene.manager.latest()] == ["Offer"]
    assert scene.mailjets.asked == []


def test_a_template_without_a_way_out_sends_nothing(scene):
    scene.put(0)
    scene.manager.create(OURS)
    scene.mailjets.way_out = False
    for ask in (
        lambda: scene.manager.send("Offer"),
        lambda: scene.manager.schedule("Offer", "2026-11-03 10:00"),
    ):
        with pytest.raises(BadInput, match="template 4, 5 at Mailjet has no link to unsubscribe"):
            ask()
    assert scene.manager.find("Offer")["state"] == "draft"


@pytest.mark.parametrize("go_on", ["resume", "send"])
def test_a_campaign_is_not_resumed_after_its_way_out_went(scene, go_on):
    scene.put(0, 1)
    name = begun(scene)
    scene.manager.step()
    scene.manager.pause(name)
    scene.mailjets.way_out = False
    with pytest.raises(BadInput, match="template 4, 5 at Mailjet has no link to unsubscribe"):
        getattr(scene.manager, go_on)(name)
    assert (scene.manager.find(name)["state"], states(scene)) == ("paused", ["held", "held"])
    scene.mailjets.way_out = True
    assert scene.manager.resume(name) == 2


def mailjets_own(scene, **note):
    """A campaign of Mailjet's, with its draft there."""
    scene.put(0)
    scene.mailjets.active = {"p0@x.example": 7}
    row, _ = scene.manager.create(MAIL)
    with scene.ledger.write() as connection:
        campaign_rows.note(connection, row["id"], now=NOW, **{"draft_id": 9} | note)
    scene.mailjets.asked.clear()
    return row["id"]


def test_a_campaigns_id_is_of_a_length_that_keys_can_be_cut_by(scene):
    scene.put(0)
    assert len(scene.manager.create(OURS)[0]["id"]) == CAMPAIGN_ID


def test_mailjets_own_waits_for_contacts_that_mailjet_does_not_have_yet(scene):
    mailjets_own(scene)
    scene.put(1, state="pending")
    scene.mailjets.asked.clear()
    with pytest.raises(BadInput, match="1 changed contact is"):
        scene.manager.schedule("Autumn", "2026-11-02 12:00")
    assert "schedule" not in [one[0] for one in scene.mailjets.asked]


def test_mailjets_own_campaign_is_prepared_and_counted_by_its_list(scene):
    id_ = mailjets_own(scene)
    assert scene.manager.preview("Autumn").reachable == 1
    scene.mailjets.active = {}
    found = scene.manager.preview("Autumn")
    assert (found.missing, found.reachable) == (1, 0)
    assert scene.mailjets.asked == [("read_back", ""), ("read_back", "")]
    assert scene.manager.test("Autumn", ["a@x.example"]) == 1
    assert scene.mailjets.asked[-1] == ("test", id_, ["a@x.example"])
    assert scene.manager.stats("Autumn") == scene.manager.progress("Autumn") == {"sent": 3}
    assert scene.manager.cancel("Autumn") == 0
    assert [one[0] for one in scene.mailjets.asked[-5:]] == [
        "catch_up",
        "stats",
        "catch_up",
        "stats",
        "cancel",
    ]
    for ask in (scene.manager.pause, scene.manager.resume):
        with pytest.raises(BadInput, match=r"Mailjet sends it, and cannot (pause|resume)"):
            ask("Autumn")


@pytest.mark.parametrize(
    ("note", "prepares"),
    [
        ({}, False),
        ({"draft_id": None}, True),
        ({"note": UNFINISHED}, True),
        ({"note": "other"}, False),
    ],
)
def test_what_is_not_wholly_made_is_made_before_it_is_used(scene, note, prepares):
    id_ = mailjets_own(scene, **note)
    scene.manager.test("Autumn", ["a@x.example"])
    made = [one for one in scene.mailjets.asked if one[0] == "prepare"]
    assert made == ([("prepare", id_, "")] if prepares else [])


@pytest.mark.parametrize(("strangers", "raised"), [(0, False), (1, True)])
def test_mailjets_own_is_scheduled_only_for_whom_the_ledger_knows(scene, strangers, raised):
    id_ = mailjets_own(scene)
    scene.mailjets.strangers = strangers
    if raised:
        with pytest.raises(BadInput):
            scene.manager.schedule("Autumn", "2026-11-02 12:00")
        return
    assert scene.manager.schedule("Autumn", "2026-11-02 12:00") == NOW + 3 * HOUR
    assert ("schedule", id_, NOW + 3 * HOUR) in scene.mailjets.asked
    row = scene.manager.find("Autumn")
    assert (row["state"], row["send_at"]) == ("scheduled", NOW + 3 * HOUR)


@pytest.mark.parametrize(
    ("before", "strangers", "checked", "taken_back"),
    [
        (timedelta(minutes=4), 0, False, False),
        (timedelta(minutes=3), 0, True, False),
        (timedelta(seconds=1), 0, True, False),
        (timedelta(0), 0, False, False),
        (timedelta(minutes=3), 1, False, True),
    ],
)
def test_what_mailjet_is_about_to_send_is_looked_at_once(scene, before, strangers, checked, taken_back):
    mailjets_own(scene)
    scene.manager.schedule("Autumn", "2026-11-02 12:00")
    scene.clock.now = NOW + 3 * HOUR - before
    scene.mailjets.strangers = strangers
    scene.mailjets.asked.clear()
    for _ in range(2):
        scene.manager.step()
    assert ("checked" in scene.manager.find("Autumn")["content"]) is checked
    asked = [one[0] for one in scene.mailjets.asked]
    assert asked.count("read_back") == (1 if checked else 2 if taken_back else 0)
    assert ("take_back" in asked) is taken_back


def test_a_test_mail_goes_to_nobody_who_must_not_get_it(scene):
    scene.put(0, left_out=True)
    scene.put(1)
    scene.manager.create(OURS)
    with pytest.raises(BadInput) as caught:
        scene.manager.test("Offer", ["p1@x.example", "p0@x.example"])
    assert list(caught.value.faults) == ["to[1]: it is excluded from campaigns at Mailjet; nothing was sent."]
    assert scene.mails() == []


def test_what_mailjet_cannot_say_now_is_asked_at_the_next_step(scene, monkeypatch):
    mailjets_own(scene)
    scene.manager.schedule("Autumn", "2026-11-02 12:00")
    scene.clock.now = NOW + 3 * HOUR - timedelta(minutes=3)

    def no_answer(*_):
        raise Unreachable("Mailjet is away")

    with monkeypatch.context() as away:
        away.setattr(Mailjets, "keep_out", no_answer)
        scene.manager.step()
    row = scene.manager.find("Autumn")
    assert ("checked" in row["content"], row["state"]) == (False, "scheduled")
    scene.manager.step()
    assert "checked" in scene.manager.find("Autumn")["content"]


def test_what_cannot_be_taken_back_is_told_and_the_next_is_looked_at_all_the_same(scene, monkeypatch):
    mailjets_own(scene)
    second, _ = scene.manager.create(MAIL | {"name": "Winter"})
    with scene.ledger.write() as connection:
        campaign_rows.note(connection, second["id"], now=NOW, draft_id=10)
    for name in ("Autumn", "Winter"):
        scene.manager.schedule(name, "2026-11-02 12:00")
    scene.clock.now = NOW + 3 * HOUR - timedelta(minutes=3)
    scene.mailjets.strangers, tried = 1, []

    def refused(row, _why):
        tried.append(row["name"])
        raise Refused("It is on its way.")

    monkeypatch.setattr(scene.mailjets, "take_back", refused, raising=False)
    scene.manager.step()
    assert tried == ["Autumn", "Winter"]
    why = "Mailjet cannot be asked to take it back, and sends it at its time: It is on its way. But Mailjet's list has 1 contact "
    with scene.ledger.read() as connection:
        told = {one["name"]: one["note"] for one in campaign_rows.stopped(connection)}
    assert told.keys() == {"Autumn", "Winter"}
    assert told["Autumn"].startswith(why)
    scene.clock.now += timedelta(minutes=5)
    scene.manager.step()
    assert scene.manager.find("Autumn")["note"] == told["Autumn"], "it stays known to whom it went"


def test_who_comes_second_changes_nothing_and_is_told(scene, monkeypatch):
    """Two people, or one and a worker, act on what they saw of a campaign at the same moment."""
    scene.put(0)
    scene.manager.create(OURS)
    draft = scene.manager.find("Offer")
    scene.manager.send("Offer")
    seen = scene.manager.find("Offer")
    with monkeypatch.context() as late:
        late.setattr(scene.manager, "find", lambda _name: draft)
        with pytest.raises(BadInput, match="Offer: somebody else has just changed it"):
            scene.manager.schedule("Offer", "2026-11-02 12:00")
    scene.manager.pause("Offer")
    with pytest.raises(BadInput, match="Offer: somebody else has just changed it"):
        scene.workers.cancel(seen)
    assert scene.manager.find("Offer")["state"] == "paused"
    with monkeypatch.context() as late:
        late.setattr(campaign_rows, "in_progress", lambda *_: [seen])
        assert scene.manager.step() is False
    assert scene.mails() == []
