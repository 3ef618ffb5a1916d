"""The commands of scans' timetables, of the charging engine and of one mail; the doctor on the CRM's callbacks."""

import json
from datetime import timedelta
from types import SimpleNamespace

import pytest
from sqlalchemy import insert
from typer.testing import CliRunner

from mailworker.cli import build
from mailworker.cli.doctor_checks.callbacks import callback_faults
from mailworker.cli.scan_commands import schedule_output
from mailworker.client import MailClient
from mailworker.config.callbacks import CallbackSettings
from mailworker.core.scan_names import BALANCES, OVERDUE_INVOICES
from mailworker.crm.cgrates.action_triggers import EngineCall
from mailworker.errors import BadInput, Unreachable
from mailworker.ledger.callback_tables import callbacks
from mailworker.ledger.claiming import Lease
from mailworker.ledger.scan_runs import Start, advance, finish, let_go, take
from mailworker.rules.rehearse_or_write import ScanMode
from mailworker.scan_registry import scan_named, start_scan
from tests.doubles import CONFIG, settings
from tests.rows import NOW, STRICT
from tests.scan_world import FakeCrm

MINUTE = timedelta(minutes=1)
CRM = "crm: {source: demo}\nreminders: {schedule: 0 6 * * *}\nbalances: {enabled: false}\n"

# ---- the timetable


@pytest.fixture
def container(ledger, monkeypatch):
    monkeypatch.setattr(schedule_output, "utc_now", lambda: NOW)
    return SimpleNamespace(ledger=ledger, settings=settings(CRM), crm=FakeCrm())


def ran(
    container, *, minutes=5, ended=True, trouble=None, lease=10 * MINUTE, began=NOW - 10 * MINUTE, **found
):
    """A run of the reminders' scan that found this."""
    held = Lease("mine", began + lease)
    with container.ledger.write() as connection:
        run = take(connection, Start(OVERDUE_INVOICES, slot=NOW), held, began)
        changed = type(run)(**{name: getattr(run, name) for name in run.__dataclass_fields__} | found)
        advance(connection, changed, held)
        if ended:
            finish(connection, changed, held, began + minutes * MINUTE)
        elif trouble is not None:
            let_go(connection, changed, held, trouble or None)


def shown(container, capsys):
    schedule_output.show(container)
    return [" ".join(line.split()) for line in capsys.readouterr().out.splitlines() if line.strip()]


def told(container, capsys):
    return json.loads(json.dumps(schedule_output.document(container)))


def test_a_timetable_before_its_first_run(container, capsys):
    lines = shown(container, capsys)
    assert lines[:3] == [
        "scan schedule last run next run",
        "overdue_invoices 0 6 * * * never due now",
        "balances 1h never It is switched off (enabled: false).",
    ]
    assert lines[3].startswith("overdue_invoices: It only rehearses, and writes to nobody")
    assert not [line for line in lines if line.startswith("balances:")], (
        "of what is off nobody asks why it rehearses"
    )
    reminders, balances = told(container, capsys)
    assert (reminders["scan"], reminders["schedule"], reminders["off"], reminders["due_now"]) == (
        OVERDUE_INVOICES,
        "0 6 * * *",
        None,
        True,
    )
    assert reminders["next_run"] == "2026-12-01T05:00:00+00:00"
    assert reminders["rehearses"].startswith("It only rehearses")
    assert (reminders["last_run"], reminders["messages"]) == (None, {})
    assert (balances["scan"], balances["next_run"], balances["due_now"]) == (BALANCES, None, False)
    assert balances["off"] == "It is switched off (enabled: false)."


def test_a_run_that_has_ended(container, capsys):
    scan = scan_named(container, OVERDUE_INVOICES)
    start_scan(container, scan, start_from=None, now=NOW)
    ran(
        container,
        seen=9,
        found=3,
        written=2,
        skipped={"paid": 1, "part_paid": 5},
        faults=["Invoice 7: no email."],
    )
    lines = shown(container, capsys)
    assert lines[1] == "overdue_invoices 0 6 * * * 2026-11-30 08:50:00Z, took 5 min 2026-12-01 05:00:00Z"
    assert lines[3:] == [
        "overdue_invoices count",
        "looked at 9",
        "due 3",
        "mails written 2",
        "not now: part_paid 5",
        "not now: paid 1",
        "Invoice 7: no email.",
    ]
    (reminders, _) = told(container, capsys)
    assert (reminders["due_now"], reminders["rehearses"]) == (False, None)
    assert (reminders["last_run"]["mails"], reminders["last_run"]["trouble"]) == (2, None)


@pytest.mark.parametrize(
    ("how", "last"),
    [
        ({"expected": 20, "lease": 60 * MINUTE}, "since 2026-11-30 08:50:00Z, 3 of 20 looked at"),
        ({"lease": 60 * MINUTE}, "since 2026-11-30 08:50:00Z, 3 looked at"),
        ({"expected": 20}, "stopped after 3 of 20: goes on within a minute"),
        ({"trouble": "The CRM is away."}, "stopped after 3: The CRM is away."),
    ],
)
def test_a_run_that_has_not_ended(container, capsys, how, last):
    ran(container, ended=False, seen=3, **how)
    assert f" {last} " in shown(container, capsys)[1]
    assert told(container, capsys)[0]["last_run"]["finished_at"] is None


def test_a_rehearsal_is_no_mail(container):
    with container.ledger.write() as connection:
        run = take(connection, Start(BALANCES, mode=ScanMode.REHEARSAL), Lease("x", NOW), NOW)
    assert run.mode == ScanMode.REHEARSAL


# ---- the charging engine


class SetUp:
    def __init__(self):
        self.asked, self.applied, self.fault = [], [], None

    def calls(self, **how):
        self.asked.append(("calls", how))
        yield EngineCall("APIerSv1.SetActions", {"a": 1}, "the Action")
        yield "Action_pro: add a reset by hand."
        yield EngineCall("APIerSv1.SetAccount", {"b": 2}, "account s1")

    def threshold_calls(self, **how):
        self.asked.append(("thresholds", how))
        yield EngineCall("APIerSv1.SetThresholdProfile", {"c": 3}, "a profile")

    def apply(self, call):
        if self.fault is not None and call.why == "account s1":
            raise self.fault
        self.applied.append(call.method)


@pytest.fixture
def engine(monkeypatch):
    made = SetUp()
    container = SimpleNamespace(charging=SimpleNamespace(setup=made), settings=settings(), close=lambda: None)
    monkeypatch.setattr("mailworker.container.Container.from_environment", lambda: container)
    return made


def cgrates(*arguments):
    ran_ = CliRunner().invoke(build(), ["cgrates", "setup", *arguments])
    return ran_.exit_code, ran_.stdout.splitlines(), ran_.stderr.splitlines()


def test_set_up_is_printed_call_by_call_and_ends_with_1_where_something_is_left_to_do(engine):
    code, lines, faults = cgrates("--print", "--no-resets")
    assert [json.loads(line) for line in lines] == [
        {"method": "APIerSv1.SetActions", "params": [{"a": 1}]},
        {"method": "APIerSv1.SetAccount", "params": [{"b": 2}]},
    ]
    assert (code, faults, engine.applied) == (1, ["Action_pro: add a reset by hand."], [])
    assert engine.asked == [("calls", {"resets": False, "shown": True})]
    assert cgrates("--thresholds")[0] == 0
    assert engine.asked[-1] == ("thresholds", {"shown": True})


def test_set_up_is_made_and_one_call_that_fails_ends_nothing(engine):
    assert cgrates("--apply", "--thresholds") == (0, ["1 call made, 0 to mend."], [])
    assert engine.asked == [("thresholds", {"shown": False})]
    engine.fault = Unreachable("CGRateS answered 500.")
    engine.applied.clear()
    code, lines, faults = cgrates("--apply")
    assert (code, lines) == (1, ["1 call made, 2 to mend."])
    assert faults == ["Action_pro: add a reset by hand.", "account s1: CGRateS answered 500."]
    assert engine.asked[-1] == ("calls", {"resets": True, "shown": False})


# ---- one mail


@pytest.fixture
def sent(monkeypatch, tmp_path):
    """Runs `mailworker send`; what the client was given is kept."""
    file = tmp_path / "crm_config.yaml"
    file.write_text(CONFIG, "utf-8")
    monkeypatch.setenv("CRM_CONFIG", str(file))
    jobs = []
    refused = []

    def send_many(_client, given):
        jobs.extend(given)
        return SimpleNamespace(ids=["m1", "m2"], refused=refused)

    monkeypatch.setattr(MailClient, "send_many", send_many)

    def run(*arguments):
        return CliRunner().invoke(build(), ["send", *arguments])

    run.jobs, run.refused, run.folder = jobs, refused, tmp_path
    return run


def test_one_mail_is_all_that_was_given(sent):
    (sent.folder / "v.json").write_text('{"customer_name": "File", "other": 1}', "utf-8")
    (sent.folder / "a.pdf").write_bytes(b"%PDF")
    (sent.folder / "b.unheardof").write_bytes(b"x")
    ran_ = sent(
        STRICT, "a@x.example", "b@x.example", "--vars", str(sent.folder / "v.json"), "--var", "customer_name=Z=é", "--key", "k",
        "--attach", str(sent.folder / "a.pdf"), "--attach", str(sent.folder / "b.unheardof"), "--language", "en",
        "--send-at", "2026-12-24T08:00+01:00",
    )  # fmt: skip
    assert (ran_.exit_code, ran_.stdout.splitlines()) == (0, ["m1", "m2"])
    assert sent.jobs == [
        {
            "kind": STRICT, "to": ["a@x.example", "b@x.example"], "variables": {"customer_name": "Z=é", "other": 1}, "idempotency_key": "k",
            "send_at": "2026-12-24T08:00+01:00", "language": "en",
            "attachments": [
                {"filename": "a.pdf", "content_type": "application/pdf", "content": b"%PDF"},
                {"filename": "b.unheardof", "content_type": "application/octet-stream", "content": b"x"},
            ],
        }
    ]  # fmt: skip


def test_what_was_not_given_is_left_out_and_numbers_become_numbers(sent):
    ran_ = sent(
        "api_crmCommunicationCustomerInvoiceReminder", "a@x.example", "--var", "days_overdue=-8", "--var", "invoice_number=7", "--json"
    )  # fmt: skip
    assert json.loads(ran_.stdout) == {"messages": ["m1", "m2"]}
    assert sent.jobs[0]["to"] == "a@x.example"
    assert sent.jobs[0].keys() == {"kind", "to", "variables"}
    values = sent.jobs[0]["variables"]
    assert (values["days_overdue"], values["invoice_number"]) == (-8, "7")
    sent("api_crmCommunicationCustomerInvoiceReminder", "a@x.example", "--var", "days_overdue=soon")
    assert sent.jobs[1]["variables"] == {"days_overdue": "soon"}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot be read"),
        (b"{", "is not JSON"),
        (b"[1]", "must hold one object"),
        (b'{"a": "\xe9"}', "is not UTF-8 text; save it as UTF-8."),
    ],
)
def test_a_file_of_variables_that_cannot_be_used(sent, content, said):
    file = sent.folder / "v.json"
    if content is not None:
        file.write_bytes(content)
    ran_ = sent(STRICT, "a@x.example", "--vars", str(file))
    assert isinstance(ran_.exception, BadInput)
    assert said in str(ran_.exception)
    assert sent.jobs == []


def test_what_is_refused_is_said(sent):
    assert "none.pdf: cannot be read" in str(sent(STRICT, "a@x.example", "--attach", "none.pdf").exception)
    sent.refused.append((0, BadInput("variables.customer_name: is missing.")))
    ran_ = sent(STRICT, "a@x.example")
    assert (ran_.exit_code, str(ran_.exception)) == (1, "variables.customer_name: is missing.")


# ---- the CRM's callbacks


def waiting(id_, **more):
    plain = {
        "message_id": "m",
        "state": "sent",
        "at": NOW,
        "attempts": 0,
        "not_before": NOW,
        "ended_at": None,
        "told": None,
    }
    return {"id": id_} | plain | more


@pytest.mark.parametrize(
    ("rows", "faults"),
    [
        ([], []),
        ([waiting(1, at=NOW - 15 * MINUTE)], []),
        ([waiting(1, at=NOW - 16 * MINUTE)], ["callbacks: 1 change waits for the CRM: not tried yet"]),
        (
            [waiting(1, at=NOW - 16 * MINUTE, trouble="it answered 500"), waiting(2)],
            ["callbacks: 1 change waits for the CRM: it answered 500"],
        ),
        ([waiting(1, at=NOW - 60 * MINUTE, ended_at=NOW, told=1)], []),
        (
            [waiting(1, ended_at=NOW, told=0), waiting(2, ended_at=NOW - timedelta(days=8), told=0)],
            ["callbacks: 1 change of the last week was given up; check callbacks.url."],
        ),
    ],
)
def test_what_keeps_the_crm_from_hearing(connection, rows, faults):
    for one in rows:
        connection.execute(insert(callbacks), [one])
    assert list(callback_faults(CallbackSettings(), connection, now=NOW)) == faults


def test_a_secret_that_signs_nothing_is_a_fault_where_callbacks_are_posted(connection):
    short = CallbackSettings(url="https://crm.example/hook", secret="whsec_c2hvcnQ=")
    assert list(callback_faults(short, connection, now=NOW)) == [
        "callbacks.secret is shorter than 24 bytes; make a new one."
    ]
    odd = CallbackSettings(url="https://crm.example/hook", secret="whsec_é!")
    assert "is no base64" in next(callback_faults(odd, connection, now=NOW))
