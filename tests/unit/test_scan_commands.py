"""What the commands about scans show: a rehearsal, a run, an invoice's way up the ladder, figures of a month."""

import csv
import io
import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from inspect import signature
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
import typer
from sqlalchemy import insert

from mailworker.cli import stats_output
from mailworker.cli.console import SHOWN_IN
from mailworker.cli.scan_commands import dry_run, explain_output, run, start
from mailworker.cli.scan_commands.dry_run import Rehearsal
from mailworker.core.scan_names import BALANCES, OVERDUE_INVOICES
from mailworker.core.states import State
from mailworker.errors import BadInput, TransientError, Unreachable
from mailworker.ledger.hourly_statistics import SETTLES
from mailworker.ledger.notification_log import SentNotification
from mailworker.ledger.scan_activation import arming_of
from mailworker.ledger.scan_runs import Run
from mailworker.ledger.tables import messages
from mailworker.mailjet.account_counters import AccountCounters
from mailworker.reminders import Explanation
from mailworker.reminders.explain import LadderStep
from mailworker.rules.delivery_rates import MailFigures
from mailworker.rules.rehearse_or_write import ScanMode
from mailworker.rules.reminder_due import Due, NotDue, Why
from mailworker.rules.reminder_ladder import Step
from mailworker.scan_registry import scan_named, start_scan
from mailworker.scans.runner import Findings, ScanClaim
from mailworker.statistics_report import MailReport, MailReports, ReportRow
from mailworker.tasks.beat_schedule import SCHEDULE
from mailworker.tasks.maintenance import roll_up
from tests.doubles import settings
from tests.rows import NOW, row
from tests.scan_world import FakeCrm, invoice

CRM = "crm: {source: demo}\nreminders: {schedule: 0 6 * * *}\nbalances: {enabled: false}\n"
REMINDER = "api_crmCommunicationCustomerInvoiceReminder"


@pytest.fixture
def container(ledger):
    return SimpleNamespace(ledger=ledger, settings=settings(CRM), crm=FakeCrm(), reminder_scan=lambda: "scan")


@pytest.fixture
def lines(capsys):
    """What was printed since the last time, each line without the space that columns need."""
    return lambda: [" ".join(line.split()) for line in capsys.readouterr().out.splitlines() if line.strip()]


# ---- a rehearsal


def claim(number):
    row = {
        "customer_id": f"C{number}", "to_name": "Zoé", "to_email": f"z{number}@x.example", "kind": REMINDER,
        "language": "fr", "not_before": NOW, "variables": {"due": Decimal("1.50")},
    }  # fmt: skip
    claims = (SimpleNamespace(about=f"invoice:{number}", key=f"k{number}"),)
    return ScanClaim(row, claims, "8 days overdue")


def rehearsal(container, monkeypatch, *pages):
    """A rehearsal of these pages: what is found, what is skipped, records read, faults of either side."""

    def rehearse(subject, *, as_of, now):
        assert (subject.name, as_of, now) == ("subject", NOW, NOW + timedelta(hours=1))
        for found, skipped, records, unreadable, faults in pages:
            batch = SimpleNamespace(records=[None] * records, faults=unreadable)
            yield batch, Findings(tuple(found), skipped, tuple(faults))

    monkeypatch.setattr(dry_run, "rehearse", rehearse)
    monkeypatch.setattr(dry_run, "utc_now", lambda: NOW + timedelta(hours=1))
    container.reminder_scan = lambda: SimpleNamespace(name="subject", count=lambda: 9)
    return Rehearsal(container, scan_named(container, OVERDUE_INVOICES), NOW)


PAGES = [
    ([claim(1), claim(2)], {"paid": 1}, 3, [], []),
    ([], {"paid": 2, "excluded": 1}, 3, ["Invoice 9: no email."], ["Invoice 8: no total."]),
    ([claim(3)], {"excluded": 4}, 5, [], []),
]


def test_a_rehearsal_shows_who_would_get_what_page_by_page(container, monkeypatch, lines):
    rehearsal(container, monkeypatch, *PAGES).show()
    found = lines()
    head = "customer name to kind leaves why"
    assert found[:-1] == [
        head,
        "C1 Zoé z1@x.example CustomerInvoiceReminder 2026-11-30 09:00:00Z 8 days overdue",
        "C2 Zoé z2@x.example CustomerInvoiceReminder 2026-11-30 09:00:00Z 8 days overdue",
        head,
        "C3 Zoé z3@x.example CustomerInvoiceReminder 2026-11-30 09:00:00Z 8 days overdue",
        "3 mails for 12 looked at, as of 2026-11-30 09:00:00Z; nothing was sent.",
        "not now, because how many",
        "excluded 5",
        "paid 3",
        "unreadable 1",
        "Invoice 9: no email.",
        "Invoice 8: no total.",
    ]
    assert found[-1].startswith("It only rehearses, and writes to nobody: it was never started.")
    start_scan(container, scan_named(container, OVERDUE_INVOICES), start_from=None, now=NOW)
    rehearsal(container, monkeypatch, ([claim(1)], {}, 1, [], [])).show()
    assert lines()[2:] == ["1 mail for 1 looked at, as of 2026-11-30 09:00:00Z; nothing was sent."]


def test_a_rehearsal_is_one_json_document_of_which_a_million_mails_fit(container, monkeypatch, capsys):
    rehearsal(container, monkeypatch, *PAGES).write_json()
    found = json.loads(capsys.readouterr().out)
    assert [one["to"] for one in found.pop("mails")] == ["z1@x.example", "z2@x.example", "z3@x.example"]
    assert found == {
        "scan": OVERDUE_INVOICES, "as_of": "2026-11-30T09:00:00+00:00", "seen": 12,
        "skipped": {"paid": 3, "excluded": 5, "unreadable": 1},
        "faults": ["Invoice 9: no email.", "Invoice 8: no total."],
    }  # fmt: skip
    rehearsal(container, monkeypatch, PAGES[0]).write_json()
    assert json.loads(capsys.readouterr().out)["mails"][0] == {
        "customer_id": "C1", "name": "Zoé", "to": "z1@x.example", "kind": REMINDER, "language": "fr",
        "leaves_at": "2026-11-30T09:00:00+00:00", "about": ["invoice:1"], "keys": ["k1"], "why": "8 days overdue",
        "variables": {"due": "1.50"},
    }  # fmt: skip
    rehearsal(container, monkeypatch).write_json()
    assert json.loads(capsys.readouterr().out)["mails"] == []


def test_a_rehearsal_that_has_to_stop_is_a_whole_document_with_the_reason(container, monkeypatch, capsys):
    shown = rehearsal(container, monkeypatch, PAGES[0])
    pages = dry_run.rehearse

    def cut(*given, **more):
        yield from pages(*given, **more)
        raise Unreachable("The CRM cannot be reached.")

    monkeypatch.setattr(dry_run, "rehearse", cut)
    with pytest.raises(typer.Exit) as ended:
        shown.write_json()
    out, err = capsys.readouterr()
    document = json.loads(out)
    assert (ended.value.exit_code, err) == (2, "The CRM cannot be reached.\n")
    assert (len(document["mails"]), document["error"]) == (2, "The CRM cannot be reached.")


def test_of_many_faults_the_first_twenty_are_shown(container, monkeypatch):
    pages = [([], {}, 0, [f"a{n}" for n in range(15)], [f"b{n}" for n in range(15)])] * 2
    made = rehearsal(container, monkeypatch, *pages)
    assert list(made._pages()) == [[], []]
    assert made.faults == [*(f"a{n}" for n in range(15)), *(f"b{n}" for n in range(5))]
    assert made.skipped == {"unreadable": 30}


# ---- a run


def a_run(**changes):
    plain = {
        "id": 4, "scan": OVERDUE_INVOICES, "slot": None, "as_of": None, "started_at": NOW, "finished_at": NOW,
        "lease": None, "lease_until": None, "cursor": None, "expected": None,
    }  # fmt: skip
    return Run(**plain | changes)


def test_a_run_for_people_and_for_programs(lines):
    found = a_run(
        seen=9, found=3, written=2, skipped={"paid": 1, "excluded": 5}, faults=["Invoice 7: no email."]
    )
    run.show(found)
    assert lines() == [
        "9 looked at, 3 due, 2 mails written; workers send them.",
        "not now, because how many",
        "excluded 5",
        "paid 1",
        "Invoice 7: no email.",
    ]
    run.show(a_run())
    assert lines() == ["0 looked at, 0 due, 0 mails written; workers send them."]
    assert run.facts(found) == {
        "scan": OVERDUE_INVOICES, "run": 4, "started_at": "2026-11-30T09:00:00+00:00",
        "finished_at": "2026-11-30T09:00:00+00:00", "seen": 9, "found": 3, "mails": 2,
        "skipped": {"paid": 1, "excluded": 5}, "faults": ["Invoice 7: no email."],
    }  # fmt: skip
    assert run.facts(a_run(finished_at=None))["finished_at"] is None


@pytest.mark.parametrize("mode", [ScanMode.REAL, ScanMode.BASELINE])
def test_a_scan_goes_on_until_that_of_this_command_has_ended(container, monkeypatch, mode):
    ours = a_run(as_of=NOW, mode=mode, seen=7)
    steps = [
        a_run(as_of=NOW, finished_at=None, mode=mode),
        a_run(as_of=None, mode=mode, seen=1),
        a_run(as_of=NOW, mode=ScanMode.REHEARSAL, seen=2),
        ours,
        None,
    ]
    asked = []

    def work(start, *, seconds, on_page):
        asked.append((start.scan, start.as_of, start.mode, seconds))
        on_page(steps[0] or ours)
        return steps.pop(0)

    monkeypatch.setattr(run, "scanner", lambda container, scan, clock: SimpleNamespace(work=work))
    scan = scan_named(container, OVERDUE_INVOICES)
    assert run.to_its_end(container, scan, NOW, mode) is ours
    assert asked == [(OVERDUE_INVOICES, NOW, mode, 60.0)] * 4
    with pytest.raises(TransientError, match="A worker is scanning right now; see mailworker schedule"):
        run.to_its_end(container, scan, NOW, mode)


@pytest.mark.parametrize(
    ("name", "is_dry", "as_json", "done"),
    [
        (OVERDUE_INVOICES, False, False, "show"),
        (OVERDUE_INVOICES, False, True, "write_json"),
        (OVERDUE_INVOICES, True, False, "rehearsal.show"),
        (OVERDUE_INVOICES, True, True, "rehearsal.write_json"),
        (BALANCES, True, False, "rehearsal.show"),
    ],
)
def test_a_scan_is_run_or_tried_out(container, monkeypatch, name, is_dry, as_json, done):
    """One that is switched off can be tried out."""
    called = []
    monkeypatch.setattr(run, "to_its_end", lambda container, scan, as_of: (scan.name, as_of))
    monkeypatch.setattr(run, "facts", lambda ended: ended)
    for name_ in ("show", "write_json"):
        monkeypatch.setattr(run, name_, lambda ended, name_=name_: called.append((name_, ended)))
        monkeypatch.setattr(
            Rehearsal,
            name_,
            lambda it, name_=name_: called.append((f"rehearsal.{name_}", (it.scan.name, it.as_of))),
        )
    run.run_or_rehearse(container, name, dry_run=is_dry, as_of="2026-11-30T10:00", as_json=as_json)
    assert called == [(done, (name, NOW))]


def test_what_is_off_is_neither_run_nor_tried_out_where_it_finds_nothing(container):
    with pytest.raises(BadInput, match="switched off"):
        run.run_or_rehearse(container, BALANCES, dry_run=False, as_of=None, as_json=False)
    container.settings = settings()
    with pytest.raises(BadInput, match="No CRM is connected"):
        run.run_or_rehearse(container, OVERDUE_INVOICES, dry_run=True, as_of=None, as_json=False)


# ---- the start


@pytest.mark.parametrize(
    ("given", "backlog", "day", "said"),
    [
        (None, False, date(2026, 12, 1), "Steps whose day came before 2026-12-01 are not sent."),
        ("2026-10-02", False, date(2026, 10, 2), "Steps whose day came before 2026-10-02 are not sent."),
        (None, True, None, "What is due from before is sent, too."),
    ],
)
def test_from_which_day_reminders_are_written(container, monkeypatch, lines, given, backlog, day, said):
    """Half past eleven in the evening of UTC is the next day in Paris."""
    monkeypatch.setattr(start, "utc_now", lambda: datetime(2026, 11, 30, 23, 30, tzinfo=UTC))
    start.start_reminders(container, given, backlog=backlog)
    ended = "The next scan writes within a minute of its time."
    assert " ".join(lines()) == f"Reminders are started. {said} {ended}"
    with container.ledger.read() as connection:
        assert arming_of(connection, OVERDUE_INVOICES).start_from == day


@pytest.mark.parametrize(
    ("given", "backlog", "sentence"),
    [
        (
            "2026-12-01",
            True,
            "--backlog sends all that is due, --from leaves the old out; give one of them.",
        ),
        ("30.11.", False, "--from: write a day like 2026-11-30."),
        ("9999-12-31", False, "--from: write a day like 2026-11-30."),
    ],
)
def test_a_start_that_cannot_be_is_refused_and_starts_nothing(container, given, backlog, sentence):
    with pytest.raises(BadInput) as fault:
        start.start_reminders(container, given, backlog=backlog)
    assert str(fault.value) == sentence
    with pytest.raises(BadInput, match="switched off"):
        start.start_balances(container, backlog=False)
    with container.ledger.read() as connection:
        assert arming_of(connection, OVERDUE_INVOICES) is arming_of(connection, BALANCES) is None


@pytest.mark.parametrize(("backlog", "scans"), [(True, []), (False, [ScanMode.BASELINE])])
def test_what_is_low_already_counts_as_known_unless_the_backlog_is_wanted(
    container, monkeypatch, lines, backlog, scans
):
    container.settings = settings(CRM.replace("balances: {enabled: false}", "balances: {enabled: true}"))
    done = []
    monkeypatch.setattr(
        start, "to_its_end", lambda container, scan, as_of, mode: done.append(mode) or a_run(found=4)
    )
    start.start_balances(container, backlog=backlog)
    assert done == scans
    old = (
        "Alerts of what is low or expired already are sent, too."
        if backlog
        else "No mail goes out about 4 of before."
    )
    ended = "The next scan writes within a minute of its time."
    assert " ".join(lines()) == f"Balance alerts are started. {old} {ended}"
    with container.ledger.read() as connection:
        assert arming_of(connection, BALANCES).start_from is None


# ---- an invoice explained

SENT = SentNotification(SimpleNamespace(about="invoice:7", key="k"), "m1", NOW, None, State.SENT)
GONE = SentNotification(SimpleNamespace(about="invoice:7", key="k"), "m2", NOW, None, None)
RUNGS = [
    LadderStep(Step(-3, REMINDER), date(2026, 11, 27), SENT),
    LadderStep(Step(8, REMINDER), date(2026, 12, 8), None),
]
DUE = Due(Step(8, REMINDER), "k", NOW, 8)
NOT_DUE = NotDue(Why.DISPUTED, "The CRM says that it is disputed.")
LINE = "Invoice 7 (FA-7{}) of customer C: open, 30.00 of 30.00 EUR owed, due on 2026-11-30 ({})."
LADDER = [
    "step day kind written state message",
    "d-3 2026-11-27 CustomerInvoiceReminder 2026-11-30 09:00:00Z sent m1",
    "d+8 2026-12-08 CustomerInvoiceReminder",
]


@pytest.mark.parametrize(
    ("changes", "verdict", "obstacles", "by_hand", "shown"),
    [
        (
            {}, DUE, ["no consent."], [],
            [LINE.format("", "Europe/Paris"), "Due: step d+8, from 2026-11-30 09:00:00Z on; the next scan writes it.",
             "But it cannot go: no consent.", "It only rehearses", *LADDER],
        ),
        (
            {"instalment": 2, "instalments": 3, "timezone": "America/Lima"}, NOT_DUE, [], [SENT, GONE],
            [LINE.format(", instalment 2 of 3", "America/Lima"),
             "Not now (disputed): The CRM says that it is disputed.", *LADDER,
             "by hand state message", "2026-11-30 09:00:00Z sent m1", "2026-11-30 09:00:00Z forgotten m2"],
        ),
    ],
)  # fmt: skip
def test_where_an_invoice_stands(container, monkeypatch, capsys, changes, verdict, obstacles, by_hand, shown):
    found = Explanation(invoice(7, due=date(2026, 11, 30), **changes), RUNGS, by_hand, verdict, obstacles)
    asked = []
    monkeypatch.setattr(explain_output, "explain", lambda *given: asked.append(given) or found)
    explain_output.show(container, "FA-7", "2026-11-30T10:00")
    printed = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines() if line.strip()]
    joined = "\n".join(printed)
    assert [part for part in shown if part not in joined] == []
    assert ("It only rehearses" in joined) is (verdict is DUE)
    assert asked == [("scan", container.crm, "FA-7", NOW)]
    token = SHOWN_IN.set(ZoneInfo("America/Lima"))
    explain_output.show(container, "FA-7", None)
    shown_in_lima = capsys.readouterr().out
    assert "2026-11-30 04:00:00 -05" in shown_in_lima
    assert "Z " not in shown_in_lima
    explain_output.show(container, "FA-7", None, as_json=True)
    SHOWN_IN.reset(token)
    document = json.loads(capsys.readouterr().out)
    assert (document["due"], document["verdict"]) == (verdict is DUE, shown[1])
    assert document["obstacles"] == list(obstacles)
    assert document["ladder"][0] == {
        "step": "d-3", "day": "2026-11-27", "kind": "CustomerInvoiceReminder",
        "written_at": "2026-11-30T09:00:00+00:00", "said": "2026-11-30T09:00:00+00:00",
        "state": "sent", "message": "m1",
    }  # fmt: skip
    assert document["ladder"][1]["state"] is None
    assert [(one["state"], one["message"]) for one in document["by_hand"]] == [
        ("forgotten" if one is GONE else "sent", one.message_id) for one in by_hand
    ]
    assert document["invoice"] == {
        "id": "7", "number": "FA-7", "customer_id": "C", "status": "open", "owed": "30.00", "total": "30.00",
        "currency": "EUR", "due_date": "2026-11-30",
    }  # fmt: skip


def test_the_zone_that_is_shown_is_the_one_that_counts(container, monkeypatch, capsys):
    found = Explanation(invoice(7, due=date(2026, 11, 30), timezone="Nowhere/Land"), RUNGS, [], NOT_DUE)
    monkeypatch.setattr(explain_output, "explain", lambda *_: found)
    explain_output.show(container, "FA-7", None)
    assert "due on 2026-11-30 (Europe/Paris)." in " ".join(capsys.readouterr().out.split())


def test_an_invoice_that_cannot_be_explained_is_refused(container, monkeypatch):
    monkeypatch.setattr(explain_output, "explain", lambda *_: NotDue(Why.GONE, "The CRM knows none."))
    with pytest.raises(BadInput, match=r"^FA-7: The CRM knows none\.$"):
        explain_output.show(container, "FA-7", None)
    container.settings = settings()
    with pytest.raises(BadInput, match="No CRM is connected"):
        explain_output.show(container, "FA-7", None)


# ---- figures

PARIS = ZoneInfo("Europe/Paris")
FIGURES = MailFigures(sent=10, delivered=8, opened=2, bounced=1)


def report(*rows, theirs=None):
    return MailReport(NOW, NOW + timedelta(days=1), rows, theirs)


def test_figures_for_people(lines):
    urgent = ReportRow(
        "api_crmCommunicationUserPasswordReset", MailFigures(sent=2, delivered=2, blocked=0), 0
    )
    rows = [ReportRow("api_crmCommunicationNews", FIGURES, 8), urgent]
    theirs = AccountCounters(13, 2, 0, 0, 0, 0, 0)
    stats_output.show(report(*rows, theirs=theirs), "kind", "7d", PARIS)
    shown = lines()
    assert shown[:5] == [
        "Messages that came to their end from 2026-11-30 10:00 to 2026-12-01 10:00 (Europe/Paris):",
        "kind sent delivered opened bounced failed delivered % opened %",
        "News 10 8 2 1 0 80.0% 25.0%",
        "UserPasswordReset 2 2 0 0 0 100.0% -",
        "all kinds 12 10 2 1 0 83.3% 25.0%",
    ]
    assert " ".join(shown).count("urgent mail is not tracked.") == 1
    assert "counted every 5 minutes for two hours, then every hour for 7 days" in " ".join(shown)
    table = shown.index("ledger Mailjet difference")
    assert shown[table + 1 : table + 5] == [
        "delivered 10 13 +3",
        "opened 2 2 0",
        "clicked 0 0 0",
        "bounced 1 0 -1",
    ]
    assert shown[-1] == "Mailjet counts whatever this API key sent, other programs' mail and copies included."


def test_the_age_of_the_figures_is_what_beat_makes_it():
    every = {name: SCHEDULE[name]["schedule"] for name in ("statistics", "forget")}
    assert (every, SETTLES) == ({"statistics": 300.0, "forget": 3600.0}, timedelta(days=7))
    assert signature(roll_up).parameters["hours"].default == 2


def test_a_column_of_noughts_says_nothing_and_without_mailjets_counters_nothing_is_compared(lines):
    row = ReportRow("Autumn", FIGURES + MailFigures(cancelled=3, complained=1), 8)
    stats_output.show(report(row), "campaign", "7d", PARIS)
    shown = lines()
    assert (
        shown[1] == "campaign sent delivered opened bounced complained failed cancelled delivered % opened %"
    )
    assert shown[2] == "Autumn 10 8 2 1 1 0 3 80.0% 25.0%"
    assert not any("Mailjet counts" in line or line.startswith("all campaigns") for line in shown)


@pytest.mark.parametrize(
    ("of", "sentence"),
    [
        ("kind", "No message came to its end within the last 7d."),
        ("campaign", "No campaign wrote anything within the last 7d."),
    ],
)
def test_figures_of_nothing(lines, of, sentence):
    stats_output.show(report(), of, "7d", PARIS)
    assert lines() == [sentence]


def test_figures_for_a_spreadsheet_have_every_column(capsys):
    rows = [ReportRow("a", FIGURES, 8), ReportRow("b", MailFigures(cancelled=4), 0)]
    stats_output.write_csv(report(*rows), "kind")
    found = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [one["kind"] for one in found] == ["a", "b", "all kinds"]
    assert [(one["sent"], one["delivered"], one["cancelled"]) for one in found] == [
        ("10", "8", "0"),
        ("0", "0", "4"),
        ("10", "8", "4"),
    ]


@pytest.mark.parametrize(("known", "compared"), [(True, 1), (False, 0)])
def test_mailjet_is_asked_for_the_same_time_once_and_only_where_there_is_something_to_compare(
    ledger, monkeypatch, known, compared
):
    asked = []
    counters = AccountCounters(1, 0, 0, 0, 0, 0, 0)
    monkeypatch.setattr(
        "mailworker.statistics_report.account_counters",
        lambda api, **more: asked.append((api, more)) or counters,
    )
    if known:
        with ledger.write() as connection:
            connection.execute(insert(messages), [row(state="sent", changed_at=NOW - timedelta(minutes=3))])
    reports = MailReports(ledger, "api", settings(), lambda: NOW)
    made = reports.by_kind("7d", mailjet=True)
    assert (made.since, made.until, len(made.rows)) == (NOW - timedelta(days=7), NOW, int(known))
    span = {"since": NOW - timedelta(days=7), "until": NOW}
    assert asked == [("api", span)] * compared
    assert made.theirs is (counters if known else None)
    assert made.differences() == (
        {"delivered": 1} | dict.fromkeys(AccountCounters._fields[1:], 0) if known else None
    )
    assert reports.by_kind("7d").theirs is None
    for wrong in ("x", ""):
        with pytest.raises(BadInput, match=r"^since: "):
            reports.by_kind(wrong)
