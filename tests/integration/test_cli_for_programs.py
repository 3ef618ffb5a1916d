"""Every command that shows something speaks JSON; every filter that chooses among words refuses other words."""

import contextlib
import gc
import json
from pathlib import Path

import pytest
import typer
import yaml
from sqlalchemy import insert
from typer.testing import CliRunner

from mailworker.cli import build
from mailworker.cli.local_stack import wait_until
from mailworker.cli.local_stack.trial_config import trial_config, web_for_trial
from mailworker.core.clock import utc_now
from mailworker.crm.demo import Size, make_demo
from mailworker.errors import MailworkerError
from mailworker.ledger import Ledger
from mailworker.ledger.contact_tables import campaigns
from mailworker.ledger.switched_off_kinds import switch_off
from mailworker.ledger.tables import messages
from mailworker.queue.quarantine import put_away, quarantined
from mailworker.simulator import running
from tests.rows import row

pytestmark = pytest.mark.integration

NEWS = "api_crmCommunicationNews"
BLOCK = {
    "from_email": "a@horizon-telecom.example", "from_name": "A", "template_id": 4, "subject": "News",
    "variables": [], "service": False,
}  # fmt: skip
CAMPAIGN = {
    "id": "c1", "name": "autumn", "way": "workers", "state": "draft", "segment": "", "contact_type": "",
    "content": {"kind": NEWS}, "written": 0, "left_out": 0,
}  # fmt: skip
FACTURE = "examples/invoices/facture.json"
#: The day on which the invented CRM stands. Scans look at its noon: at night it is another day for some customers.
TODAY = utc_now().date()
VERIFICATION = "api_crmCommunicationEmailVerification"
#: What shows something, with what it is asked here; it takes --json. `lines`: a document a line.
SHOW = {
    "messages list": ["messages", "list"],
    "messages list, as its help shows": ["messages", "list", "--state", "failed", "--since", "24h"],
    "messages list, refused": ["messages", "list", "--rejected"],
    "messages search": ["messages", "search", "m1"],
    "messages show": ["messages", "show", "m1"],
    "messages explain": ["messages", "explain", "m1"],
    "messages export": ["messages", "export"],
    "messages upcoming": ["messages", "upcoming"],
    "messages replay": ["messages", "replay"],
    "messages cancel": ["messages", "cancel", "m1"],
    "holds list": ["holds", "list"],
    "quarantine list": ["quarantine", "list"],
    "ledger refill": ["ledger", "refill", "--dry-run"],
    "ledger status": ["ledger", "status"],
    "suppressions list": ["suppressions", "list"],
    "suppressions show": ["suppressions", "show", "zoe@client.example"],
    "stats": ["stats"],
    "schedule": ["schedule"],
    "doctor": ["doctor", "--only", "ledger"],
    "health": ["health", "--node", "nobody@here", "--timeout", "0.1"],
    "webhook status": ["webhook", "status"],
    "contacts status": ["contacts", "status"],
    "campaign list": ["campaign", "list"],
    "campaign segment": ["campaign", "segment", "city = 'Lyon'"],
    "campaign show": ["campaign", "show", "autumn"],
    "campaign stats": ["campaign", "stats", "autumn"],
    "reminders run": ["reminders", "run", "--dry-run", "--as-of", str(TODAY)],
    "reminders explain": ["reminders", "explain", "{invoice}"],
    "balances run": ["balances", "run", "--dry-run", "--as-of", str(TODAY)],
    "templates check": ["templates", "check"],
    "invoice check": ["invoice", "check", FACTURE],
}
#: What does something and says what it did, in the order in which it is tried here; it takes --json, too.
ACT = {
    "ledger migrate": ["ledger", "migrate"],
    "send": ["send", VERIFICATION, "a@client.example", "--var", "user_name=A", "--var", "verification_url=https://e.example/v"],
    "holds add": ["holds", "add", "lane:bulk", "maintenance", "--wait"],
    "holds release": ["holds", "release", "lane:bulk"],
    "messages resubmit": ["messages", "resubmit", "1"],
    "messages reconcile": ["messages", "reconcile", "--since", "2026-11-01T02:00"],
    "suppressions add": ["suppressions", "add", "zoe@client.example", "--why", "asked"],
    "suppressions lift": ["suppressions", "lift", "zoe@client.example", "--why", "asked"],
    "suppressions opt-in": ["suppressions", "opt-in", "off@client.example", "--why", "asked"],
    "quarantine release": ["quarantine", "release", "{released}"],
    "quarantine delete": ["quarantine", "delete", "{deleted}", "--yes"],
    "contacts retry": ["contacts", "retry"],
    "invoice send": ["invoice", "send", FACTURE],
    "reminders send": ["reminders", "send", "{invoice}"],
    "webhook register": ["webhook", "register", "--url", "http://127.0.0.1:8070"],
    "privacy export": ["privacy", "export", "zoe@client.example"],
    "privacy erase": ["privacy", "erase", "zoe@client.example", "--yes"],
}  # fmt: skip
#: The same, tried elsewhere.
ACT_ELSEWHERE = {
    "crm queries": "tests/unit/test_cli_crm.py",
    "crm paths": "tests/unit/test_cli_crm.py",
    "operator-password": "tests/unit/test_operator_logins.py",
}
#: What serves until it is stopped, tells its progress, or writes a file, a page or a block to copy.
FOR_PEOPLE = {
    "demo", "dev", "simulator", "bench",
    "contacts sync", "campaign create", "campaign preview", "campaign test", "campaign schedule", "campaign send", "campaign pause",
    "campaign resume", "campaign cancel", "reminders start", "balances start",
    "templates preview", "templates new", "templates test", "templates push", "templates restore", "invoice render", "cgrates setup",
}  # fmt: skip
LINES = {"messages export"}
#: What each command's document holds, by its name here.
_TABLE = Path(__file__).with_name("json_names.txt").read_text("utf-8").splitlines()
NAMES = {
    name: list(filter(None, held.split(", "))) for name, _, held in (line.partition(" | ") for line in _TABLE)
}


def leaves(command, path=()):
    if hasattr(command, "commands"):
        for name, one in command.commands.items():
            yield from leaves(one, (*path, name))
        return
    yield " ".join(path), command


COMMANDS = dict(leaves(typer.main.get_command(build())))


@pytest.fixture(scope="module")
def site(tmp_path_factory, valkey):
    """A trial with a message, a campaign and a CRM."""
    folder = tmp_path_factory.mktemp("site")
    with running(calls_per_minute=0) as simulator, pytest.MonkeyPatch.context() as environment:
        worker = {"redis_url": valkey.url, "database_url": f"sqlite:///{folder}/ledger.db"}
        own = {
            "mailjet": {"api_url": simulator.url, "calls_per_minute": 12_000, NEWS: BLOCK},
            "worker": worker,
            "invoice": {"store": str(folder / "pdfs")},
            "crm": {"demo": {"path": str(folder / "crm.sqlite")}},
            "web": web_for_trial(8070),
            "reminders": {"quiet_hours": None},  # else one of a Saturday night leaves too late
            "contacts": {"properties": {"city": {"from": "customer.city"}}},
        }
        text = trial_config(own)
        (folder / "crm_config.yaml").write_text(text, encoding="utf-8")
        make_demo(folder / "crm.sqlite", TODAY, Size(20))
        environment.setenv("CRM_CONFIG", str(folder / "crm_config.yaml"))
        environment.setenv("REDIS_URL", valkey.url)
        with contextlib.closing(Ledger.open(worker["database_url"])) as ledger, ledger.write() as connection:
            now = utc_now()
            times = {"accepted_at": now, "changed_at": now, "not_before": now}
            rows = [row("m1", **times), row("m2", state="failed", reason="x", **times)]
            connection.execute(insert(messages), rows)
            connection.execute(insert(campaigns).values(CAMPAIGN | {"created_at": now, "changed_at": now}))
        yield yaml.safe_load(text)


def names_in(document, below=1):
    """The names in a document of JSON, those of what is inside behind a dot; programs read them."""
    if isinstance(document, list):
        return sorted({name for one in document for name in names_in(one, below)})
    if not isinstance(document, dict):
        return []
    inner = {
        f"{name}.{one}" for name, value in document.items() if below for one in names_in(value, below - 1)
    }
    return sorted({*document, *inner})


def run(*words):
    return CliRunner().invoke(build(), list(words))


def test_every_command_shows_or_acts_or_is_for_people():
    for_programs = {name.partition(",")[0] for name in (*SHOW, *ACT, *ACT_ELSEWHERE)}
    assert for_programs | FOR_PEOPLE == set(COMMANDS)
    assert not for_programs & FOR_PEOPLE
    takes_json = {name for name, one in COMMANDS.items() if any("--json" in p.opts for p in one.params)}
    assert takes_json == for_programs


@pytest.mark.parametrize("name", SHOW)
def test_what_shows_something_speaks_json(site, name):
    words = [word.replace("{invoice}", an_invoice()) if "{" in word else word for word in SHOW[name]]
    done = run(*words, "--json")
    assert done.exception is None or isinstance(done.exception, SystemExit), repr(done.exception)
    documents = done.stdout.splitlines() if name in LINES else [done.stdout]
    for one in documents:
        assert names_in(json.loads(one)) == NAMES[name]


@pytest.fixture
def places(site, valkey_redis):
    """What the commands name: two entries in quarantine, an overdue invoice, a person who opted out."""
    stream, group = "mailworker:test", "test"
    valkey_redis.xgroup_create(stream, group, mkstream=True)
    for _ in range(2):
        entry = valkey_redis.xadd(stream, {"x": "y"})
        valkey_redis.xreadgroup(group, "me", {stream: ">"})
        put_away(valkey_redis, stream, group, entry, utc_now())
    released, deleted = (one.id for one in quarantined(valkey_redis, limit=9))
    with (
        contextlib.closing(Ledger.open(site["worker"]["database_url"])) as ledger,
        ledger.write() as connection,
    ):
        switch_off(connection, {("off@client.example", NEWS): utc_now()})
    return {"released": released, "deleted": deleted}


def test_what_acts_says_in_json_what_it_did(site, places):
    for name, words in ACT.items():
        own = [word.replace("{invoice}", an_invoice()) if "{invoice}" in word else word for word in words]
        done = run(*(word.format(**places) if word[:1] == "{" else word for word in own), "--json")
        assert done.exception is None, (name, done.exception, done.output)
        assert names_in(json.loads(done.stdout)) == NAMES[name]


def test_a_worker_that_does_not_answer_leaves_no_connection_to_the_collector(site, valkey_redis):
    before = len(valkey_redis.client_list())
    gc.disable()
    try:
        assert "did not answer" in run(*SHOW["health"]).output
        assert wait_until(lambda: len(valkey_redis.client_list()) <= before, seconds=10)
    finally:
        gc.enable()


def an_invoice():
    from mailworker.container import Container  # noqa: PLC0415 - after the environment

    with contextlib.closing(Container.from_environment()) as container:
        return next(container.crm.open_invoices()).records[0].invoice_id


CHOICES = {"--kind", "--lane", "--delivery", "--state"}
FILTERS = [
    (name, option)
    for name, command in COMMANDS.items()
    for one in command.params
    for option in one.opts
    if option in CHOICES and name not in {"send", "campaign create"}
]


@pytest.mark.parametrize(("name", "option"), [*FILTERS, ("suppressions list", "--reason")])
def test_a_word_that_is_none_gets_a_sentence(site, name, option):
    done = run(*name.split(), option, "nonsense")
    assert done.exit_code != 0
    said = str(done.exception) if isinstance(done.exception, MailworkerError) else done.output
    assert "nonsense" in said or "is one of" in said or "is urgent" in said
    assert "Traceback" not in said
