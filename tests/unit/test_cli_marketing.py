"""What the commands of contacts and campaigns read and print, word for word."""

import json
import re
from datetime import UTC, datetime, timedelta
from time import monotonic
from types import SimpleNamespace

import pytest

from mailworker.campaigns.count_audience import Audience
from mailworker.campaigns.preview import CampaignExample
from mailworker.cli.campaign_commands import output
from mailworker.cli.campaign_commands.output import (
    rates_of,
    read_file,
    read_values,
    show_audience,
    show_example,
    show_figures,
    show_progress,
)
from mailworker.cli.contact_commands import full_sync
from mailworker.cli.contact_commands.full_sync import plan_sentence, run
from mailworker.cli.contact_commands.status_output import show_status, sync_sentence, write_status
from mailworker.cli.shared_options import moment_of
from mailworker.contacts.full_sync import FullSyncResult
from mailworker.contacts.pull_opt_outs import PullResult
from mailworker.contacts.push_to_mailjet import PushResult
from mailworker.contacts.upsert import UpsertResult
from mailworker.errors import BadInput, Unreachable
from mailworker.ledger import contact_sync_runs
from mailworker.ledger.mailjet_contact_rows import add_entries, new_entry
from mailworker.limits import CallLane, NoCallFree
from mailworker.queue.celery_queues import CONTACTS
from mailworker.rules.contact_sync_cost_and_pauses import Plan
from tests.doubles import Clock, settings
from tests.redis_clock import simulated_redis
from tests.rows import NOW, after

CRM = "crm: {source: demo}\n"
FIELDS = {"name": "Zoé", "properties": {}, "lists": [""], "excluded": None, "fingerprint": "f"}
FIELDS |= {"task": "tell", "audience": "a", "due_at": NOW, "changed_at": NOW}


def put(ledger, **states):
    """So many contacts in each state."""
    with ledger.write() as connection:
        for state, rows in states.items():
            for number, more in enumerate(rows):
                email = f"{state}{number}@x.example"
                add_entries(
                    connection, [new_entry(email=email, **FIELDS | {"state": state, "told": "f"} | more)]
                )


# ---- campaigns


def test_a_files_text_and_values_on_the_command_line(tmp_path):
    (tmp_path / "a.html").write_text("é", "utf-8")
    (tmp_path / "b.html").write_bytes(b"\xff")
    assert (read_file(None), read_file(tmp_path / "a.html")) == ("", "é")
    (tmp_path / "c.html").write_text(" \n", "utf-8")
    for name, why in (("b", " is not UTF-8 text"), ("none", " cannot be read"), ("c", ": is empty")):
        with pytest.raises(BadInput, match=f"{name}.html{why}"):
            read_file(tmp_path / f"{name}.html")
    assert read_values(["a=1", "b=x=y", "c="]) == {"a": "1", "b": "x=y", "c": ""}
    for wrong in ("a", "=1", ""):
        with pytest.raises(BadInput, match="--set: write name=value"):
            read_values(["a=1", wrong])


FULL = Audience(9, 1, 2, 1, missing=1, outside=1, lacking=1, sample=["zoe@x.example", "a@b@c.example"])


@pytest.mark.parametrize(
    ("audience", "lines"),
    [
        (
            Audience(3, 1),
            [
                "In the segment: 3 contacts; 2 get it.",
                "Left out: 1 unsubscribed.",
            ],
        ),
        (
            FULL,
            [
                "In the segment: 9 contacts; 2 get it.",
                (
                    "Left out: 1 unsubscribed, 2 excluded from campaigns, 1 on the suppression list, 1 not on Mailjet's list "
                    "(mailworker contacts sync puts them back), 1 lacking what the mail prints, 1 not on worker.safelist."
                ),
                "For example: zo…@x.example, a@…@c.example",
            ],
        ),
    ],
)
def test_an_audience_is_counted_and_some_of_it_shown_without_its_whole_address(capsys, audience, lines):
    show_audience(audience)
    assert capsys.readouterr().out.splitlines() == lines
    show_audience(audience, as_json=True)
    told = json.loads(capsys.readouterr().out)
    assert (told["contacts"], told["reachable"]) == (audience.contacts, 2)
    assert told["sample"] == [output.masked(one) for one in audience.sample]
    assert told["excluded"] == audience.excluded


def campaign(note=None):
    return {"id": "c1", "name": "Autumn", "state": "sending", "note": note, "content": "secret"}


def test_a_campaigns_figures(capsys):
    show_figures(campaign("late"), {"left_out": 2})
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines == [["Autumn", "(c1):", "sending"], ["late"], ["messages"], ["left", "out", "2"]]
    show_figures(campaign(), {})
    assert capsys.readouterr().out.splitlines()[1:] == ["No figures yet."]
    show_figures(campaign("late"), {"left_out": 2}, as_json=True)
    assert json.loads(capsys.readouterr().out) == {
        "id": "c1", "name": "Autumn", "state": "sending", "note": "late", "figures": {"left_out": 2},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("figures", "rates"),
    [
        (
            {"sent": 80, "opened": 40, "clicked": 8, "blocked": 5, "hard_bounced": 10, "soft_bounced": 5, "spam": 2, "unsubscribed": 4},
            {"delivered": 0.8, "bounced": 0.15, "blocked": 0.05, "opened": 0.5, "clicked": 0.1, "complained": 0.025, "unsubscribed": 0.05},
        ),
        (
            {"written": 9, "left out": 1, "ready": 4, "sent": 5, "delivered": 4, "opened": 1, "bounced": 1},
            {"delivered": 0.8, "bounced": 0.2, "blocked": 0, "opened": 0.25, "clicked": 0, "complained": 0, "unsubscribed": 0},
        ),
        ({}, dict.fromkeys(("delivered", "bounced", "blocked", "opened", "clicked", "complained", "unsubscribed"))),
    ],
)  # fmt: skip
def test_a_campaigns_rates_follow_from_its_figures_whoever_sent_it(capsys, figures, rates):
    assert rates_of(figures) == rates
    show_figures(campaign(), figures, rates=rates)
    assert ("% " in capsys.readouterr().out.replace("%.", "% ")) is bool(figures)
    show_figures(campaign(), figures, rates=rates, as_json=True)
    assert json.loads(capsys.readouterr().out)["rates"] == rates


@pytest.mark.parametrize(
    ("figures", "last"),
    [
        ({"contacts that get it": 2000, "sent": 1000, "failed": 400, "waiting": 99}, "1,400 of 2,000 are done (70%)."),
        ({"contacts that get it": 3, "suppressed": 1, "expired": 1, "cancelled": 1}, "3 of 3 are done (100%)."),
    ],
)  # fmt: skip
def test_how_far_a_campaign_is(capsys, figures, last):
    show_progress(campaign(), figures)
    assert capsys.readouterr().out.splitlines()[-1] == last
    show_progress(campaign(), figures, as_json=True)
    assert json.loads(capsys.readouterr().out)["figures"] == figures
    for empty in ({}, {"contacts that get it": 0, "sent": 1}):
        show_progress(campaign(), empty)
        assert "are done" not in capsys.readouterr().out


def test_an_examples_page_is_written_and_said(tmp_path, capsys):
    example = CampaignExample("zoe@x.example", "fr", "Bonjour", "<p>é</p>", "text", "is not in the segment")
    page = show_example(example, tmp_path / "new" / "folder", "autumn")
    assert page.read_text("utf-8") == "<p>é</p>"
    assert capsys.readouterr().out.splitlines()[:2] == [
        "To zo…@x.example, in fr: Bonjour",
        "This contact would not get it: is not in the segment.",
    ]
    bare = CampaignExample("zoe@x.example", "fr", "Bonjour", "", "<b>")
    assert show_example(bare, tmp_path / "new" / "folder", "b").read_text("utf-8") == "<pre>&lt;b&gt;</pre>"
    assert "would not get it" not in capsys.readouterr().out


def test_a_template_costs_one_call_of_the_lowest_lane(monkeypatch):
    asked = []
    take = lambda lane, **_: asked.append(lane) or 0.0  # noqa: E731
    gateway = SimpleNamespace(rest=lambda call: {"Data": [{"Html-part": f"<p>{call.id}", "Text-part": "t"}]})
    container = SimpleNamespace(gateway=gateway, bucket=SimpleNamespace(take=take))
    assert output.content_of(container)(41) == ("<p>41", "t")
    assert asked == [CallLane.CONTACTS]


# ---- contacts


def test_without_a_contact_it_says_how_to_begin(ledger, capsys):
    show_status(SimpleNamespace(ledger=ledger, redis=simulated_redis()))
    assert "No contact has been synced yet" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("changes", "told"),
    [(1, "1 change waits on Redis"), (2, "2 changes wait on Redis"), (None, "does not answer")],
)
def test_what_no_worker_has_taken_yet_shows(ledger, capsys, changes, told):
    redis = simulated_redis()
    for _ in range(changes or 0):
        redis.xadd(CONTACTS.stream, {"v": "1"})
    if changes is None:
        redis.set(CONTACTS.stream, "something else")
    container = SimpleNamespace(ledger=ledger, redis=redis)
    show_status(container)
    assert told in capsys.readouterr().out.splitlines()[0]
    write_status(container)
    assert json.loads(capsys.readouterr().out)["on_redis"] == changes


def test_how_contacts_stand(ledger, capsys):
    put(
        ledger,
        in_step=[{"note": "shared"}, {"unsubscribed_at": NOW}],
        pending=[{"error": "Mailjet cannot be reached"}],
        flying=[{}] * 3,
        waiting=[{}] * 4,
        refused=[{"error": "no such name"}],
    )
    with ledger.write() as connection:
        contact_sync_runs.open_sync(connection, "s1", NOW)
    container = SimpleNamespace(ledger=ledger, redis=simulated_redis())
    show_status(container)
    told = capsys.readouterr().out
    lines = [" ".join(line.split()) for line in told.splitlines()]
    assert lines[:7] == [
        "contacts number",
        "being sent 3",
        "in step 2",
        "waiting to be sent 1",
        "refused by Mailjet 1",
        "former addresses 4",
        "Unsubscribed at Mailjet, and left so: 1",
    ]
    assert lines[7].startswith("Full sync asked for at 2026-11-30 09:00 UTC: not begun; 0 contacts read")
    assert "refused0@x.example no such name" in lines
    assert "Waiting because: Mailjet cannot be reached" in lines
    assert "contact to know (1)" in lines
    assert "in_step0@x.example shared" in lines
    write_status(container)
    found = json.loads(capsys.readouterr().out)
    assert found["contacts"] == {"flying": 3, "in_step": 2, "pending": 1, "refused": 1, "waiting": 4}
    assert (found["unsubscribed"], len(found["refused"]), found["full_sync"]["id"]) == (1, 1, "s1")


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ({"report": None}, "not begun; 0 contacts read, 0 new, 0 changed, 0 removed so far."),
        (
            {"report": {"contacts": 4, "new": 1, "changed": 2, "removed": 3, "place": {"stage": "looking"}}},
            "looking; 4 contacts read, 1 new, 2 changed, 3 removed so far.",
        ),
        ({"report": {"contacts": 4}, "finished_at": after(60)}, "has read everything at 09:01; 4 contacts read, 0 new, 0 changed, 0 removed."),
        ({"report": {}, "error": "The CRM is away.", "finished_at": NOW}, "stopped. The CRM is away."),
    ],
)  # fmt: skip
def test_how_far_a_full_sync_is(row, sentence):
    plain = {"started_at": NOW, "error": None, "finished_at": None}
    assert sync_sentence(plain | row) == f"Full sync asked for at 2026-11-30 09:00 UTC: {sentence}"


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2h", NOW - timedelta(hours=2)),
        ("3d", NOW - timedelta(days=3)),
        ("2026-11-30", datetime(2026, 11, 29, 23, tzinfo=UTC)),
        ("2026-11-30T09:00", datetime(2026, 11, 30, 8, tzinfo=UTC)),
        ("2026-11-30T09:00+00:00", NOW),
    ],
)
def test_since_when_changes_are_asked_for(text, moment):
    assert moment_of("--since", text, now=NOW, zone=settings().worker.timezone) == moment


@pytest.mark.parametrize("text", ["", "soon", "1800-01-01", "2026-13-01"])
def test_what_is_no_moment_is_refused(text):
    with pytest.raises(BadInput, match="--since: write 2h, 3d"):
        moment_of("--since", text, now=NOW, zone=settings().worker.timezone)


@pytest.mark.parametrize(
    ("told", "calls", "lasts"),
    [
        ({}, 0, "less than a minute"),
        ({"a": 3, "b": 2}, 300, "5 min at least"),
        ({"a": 1}, 59, "less than a minute"),
    ],
)
def test_what_a_sync_costs(told, calls, lasts):
    plan = SimpleNamespace(
        contacts=sum(told.values()), calls=calls, duration=lambda rate: timedelta(minutes=calls / rate)
    )
    assert plan_sentence(plan, 60) == (
        f"To push: {plan.contacts} {'contact' if plan.contacts == 1 else 'contacts'}. About {calls} calls, {lasts}; mail goes first."
    )


class Contacts:
    """A service of contacts that reads, looks and tells as the test says; everything is kept."""

    def __init__(self, ledger, reading, steps=()):
        self.ledger, self.reading, self.steps_, self.asked = ledger, reading, list(steps), []
        self.puller = self
        self.can_list_changes = False
        self.looked = 0

    def total(self, since):
        return 9

    def read(self, *, clock, since, dry_run, progress):
        progress(3)
        self.asked.append(("read", clock(), since, dry_run))
        return self.reading

    def forget_silent(self, *, known_before, clock, force):
        self.asked.append(("forget", known_before, force))
        yield from (2, 1)

    def begin(self):
        return PullResult(NOW)

    def steps(self, look):
        self.looked += 1
        if self.looked == 1:
            yield 2
            raise NoCallFree(retry_after=1.0)
        look.members, look.ours, look.unsubscribed, look.newly_unsubscribed = 5, 3, 2, 1
        look.excluded, look.put_back, look.stage = 4, 1, "done"
        yield 3

    def step(self):
        found = self.steps_.pop(0)
        if isinstance(found, Exception):
            raise found
        if callable(found):
            found()
            return PushResult()
        return found


def synced(ledger, reading, *, steps=(), config=CRM, offers=True, **options):
    """What a sync with these options did, and what it slept."""
    contacts = Contacts(ledger, reading, steps)
    container = SimpleNamespace(
        redis=simulated_redis(),
        ledger=ledger, contacts=contacts, contact_reader=contacts, clock=Clock(), settings=settings(config),
        crm=SimpleNamespace(offers=lambda question: offers and question == "customers"),
    )  # fmt: skip
    run(container, **{"dry_run": False, "since": None, "allow_removals": False} | options)
    return contacts


READING = FullSyncResult(UpsertResult(new=2, changed=1, unchanged=5), customers=4, contacts=8)


def test_a_sync_needs_a_crm_that_has_customers(ledger):
    with pytest.raises(BadInput, match="No CRM is connected"):
        synced(ledger, READING, config="")
    unasked = "The CRM is not asked for customers: give crm.sql.queries.customers, or connect it otherwise."
    with pytest.raises(BadInput, match=f"^{re.escape(unasked)}$"):
        synced(ledger, READING, offers=False)


def test_a_rehearsal_reads_and_says_what_would_be(ledger, capsys, monkeypatch):
    monkeypatch.setattr(full_sync, "utc_now", lambda: NOW + timedelta(hours=1))
    reading = FullSyncResult(
        READING.upserted, customers=4, contacts=8, silent=3, faults=2, sentences=["Customer 1: no email."]
    )
    contacts = synced(ledger, reading, dry_run=True)
    assert contacts.asked == [("read", NOW + timedelta(hours=1), None, True)]
    lines = capsys.readouterr().out.splitlines()
    assert lines[:5] == [
        "Read 4 customers with 8 contacts.",
        "2 would be new, 1 would be changed, 5 unchanged addresses.",
        "3 contacts are gone from the CRM and would leave the lists.",
        "2 records could not be read; what is known of them stays:",
        "  Customer 1: no email.",
    ]
    assert lines[5].startswith("To push: 6 contacts.")
    assert len(lines) == 6


def test_a_full_sync_reads_removes_looks_and_tells(ledger, capsys, monkeypatch):
    naps = []
    monkeypatch.setattr(full_sync, "time", SimpleNamespace(sleep=naps.append, monotonic=monotonic))
    put(ledger, pending=[{"due_at": NOW}])

    def settle():
        with ledger.write() as connection:
            connection.exec_driver_sql("UPDATE mailjet_contacts SET state = 'in_step'")

    steps = [Unreachable("away"), PushResult(alarm="refused!"), settle]
    reading = FullSyncResult(READING.upserted, customers=4, contacts=8, silent=3)
    monkeypatch.setattr(full_sync, "_COUNT_SECONDS", -1.0)
    contacts = synced(ledger, reading, steps=steps, allow_removals=True)
    assert contacts.asked == [("read", NOW, None, False), ("forget", NOW, True)]
    assert naps == [0.5]
    lines = capsys.readouterr().out.splitlines()
    assert "2 new, 1 changed, 5 unchanged addresses." in lines
    assert "Gone from the CRM: 3 contacts; 3 addresses leave the lists." in lines
    assert "At Mailjet: 5 contacts, 2 unsubscribed (1 of them new), 4 excluded from campaigns." in lines
    assert "1 are not there any more and still belong there: they are put back." in lines
    assert "2 on our list are in no CRM; they are left alone." in lines
    assert "refused!" in lines
    assert contacts.looked == 2


def test_a_sync_of_what_changed_removes_nobody_and_looks_at_nobody(ledger, capsys, monkeypatch):
    still = SimpleNamespace(sleep=lambda _seconds: pytest.fail("nobody waits"), monotonic=monotonic)
    monkeypatch.setattr(full_sync, "time", still)
    put(ledger, pending=[{"due_at": NOW + timedelta(minutes=3)}])
    reading = FullSyncResult(READING.upserted, silent=3)
    contacts = synced(ledger, reading, steps=[None], since="2h")
    assert contacts.asked == [("read", NOW, NOW - timedelta(hours=2), False)]
    assert contacts.looked == 0
    assert "The CRM source offers no changed_customers" in capsys.readouterr().out


def test_a_plans_contacts_to_come_are_counted_with_those_that_wait():
    assert Plan(to_push={"a": 2, "to come": 3}).contacts == 5


def test_why_nothing_is_removed_is_said(ledger, capsys):
    reading = FullSyncResult(
        READING.upserted, faults=2, untraced=1, sentences=["Customer without customer_id."]
    )
    synced(ledger, reading, dry_run=True)
    assert "2 records could not be read, so nothing is removed:" in capsys.readouterr().out
