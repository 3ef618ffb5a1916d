"""What starts at once may not wait for what it does not need yet."""

import importlib
import json
import os
import pkgutil
import subprocess
import sys
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest
import typer.main

from mailworker.cli import build

#: What each start leaves for later, or for others: databases, clients, renderers, the configuration's types.
HEAVY = {
    "babel",
    "segno",
    "ruamel",
    "tornado",
    "uvicorn",
    "starlette",
    "PIL",
    "alembic",
    "celery",
    "cryptography",
    "flask",
    "holidays",
    "hypothesis",
    "opentelemetry",
    "psycopg",
    "pymysql",
    "pytz",
    "structlog",
    "email_validator",
    "httpx",
    "jinja2",
    "kombu",
    "lxml",
    "boto3",
    "mailjet_rest",
    "mailworker.config.settings",
    "mailworker.templates.template_library",
    "prometheus_client",
    "redis",
    "requests",
    "rich",
    "sqlalchemy",
    "weasyprint",
    "yaml",
    # Of our own, one for each workflow: what comes with it is loaded by its work alone.
    "mailworker.balances.alert_mail",
    "mailworker.campaigns.lifecycle",
    "mailworker.client",
    "mailworker.contacts.push_to_mailjet",
    "mailworker.core.message",
    "mailworker.crm.records",
    "mailworker.invoices.languages.locale_format",
    "mailworker.ledger.mailjet_contact_rows",
    "mailworker.mailjet.gateway",
    "mailworker.reminders.reminder_mail",
    "mailworker.rules.job.check_job",
    "mailworker.rules.reminder_ladder",
    "mailworker.scans.runner",
}
STARTS = {
    "mailworker --version": "from mailworker.cli import build; build('--version')",
    "mailworker simulator": (
        "from mailworker.cli import build; build('simulator')\n"
        "from mailworker.simulator.server import running\n"
        "with running(): pass"
    ),
}


@pytest.mark.parametrize("start", STARTS)
def test_a_start_imports_nothing_that_it_does_not_need(start):
    code = f"{STARTS[start]}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    # The simulator serves.
    assert HEAVY & set(json.loads(done.stdout)) <= (
        {"starlette", "uvicorn"} if "simulator" in start else set()
    )


#: What a command's work does need of them.
_READS, _LEDGER = {"mailworker.config.settings", "yaml"}, {"sqlalchemy"}
_REDIS = {"redis", "cryptography", "opentelemetry"}  # redis-py loads the others where they are installed
_FORMAT = {"babel", "mailworker.invoices.languages.locale_format"}
_TABLE, _TEMPLATES = {"rich"}, {"mailworker.templates.template_library"}
_ADDRESS = {"mailworker.core.message"}
_JOB = _ADDRESS | {"mailworker.rules.job.check_job"}
_CRM = _LEDGER | {"babel", "mailworker.crm.records"}  # amounts are rounded to their currency's smallest unit
_SCAN = _CRM | _ADDRESS | _FORMAT | {"mailworker.rules.reminder_ladder", "mailworker.scans.runner"}
_REMINDERS, _BALANCES = (
    _SCAN | {"mailworker.reminders.reminder_mail"},
    _SCAN | {"mailworker.balances.alert_mail"},
)
_CONTACTS = _LEDGER | _ADDRESS | {"mailworker.ledger.mailjet_contact_rows"}
_ENQUEUE = _REDIS | _JOB | {"celery", "kombu", "mailworker.client"}
_CAMPAIGN = _CONTACTS | _JOB | {"mailworker.campaigns.lifecycle"}
COMMANDS = {
    "send api_crmCommunicationEmailVerification a@b.fr --var user_name=A --var verification_url=https://b.fr": _ENQUEUE,
    "health": _ENQUEUE,
    "stats --json": _LEDGER | _REDIS | _ADDRESS,
    "schedule --json": _CRM,
    "reminders run --dry-run": _REMINDERS | _TABLE | {"structlog"},
    "reminders start": _CRM | _TABLE,
    "reminders send INVOICE": _CRM,
    "reminders explain INVOICE": _REMINDERS,
    "balances run --dry-run": _BALANCES | _TABLE | {"structlog"},
    "balances start": _BALANCES | _TABLE | {"structlog"},
    "contacts sync --dry-run": _CRM | _CONTACTS | _TABLE,
    "contacts status": _LEDGER | _REDIS | _ADDRESS | _TABLE,
    "contacts retry": _LEDGER | _REDIS,
    "campaign segment language='fr'": _CONTACTS | _TABLE,
    "campaign create n1 --everybody --subject S --text T": _TABLE,
    "campaign preview n1": _CAMPAIGN | _TEMPLATES,
    "campaign show n1": _CAMPAIGN,
    "campaign list": _CONTACTS | _TABLE,
    "campaign test n1 a@b.fr": _CAMPAIGN,
    "campaign schedule n1 2030-01-01T10:00": _CAMPAIGN,
    "campaign send n1 --yes": _CAMPAIGN,
    "campaign pause n1": _CAMPAIGN,
    "campaign resume n1": _CAMPAIGN,
    "campaign cancel n1": _CAMPAIGN,
    "campaign stats n1": _CAMPAIGN,
    "messages list": _LEDGER | _TABLE,
    "messages list --json": _LEDGER,
    "messages upcoming": _LEDGER | _REDIS | _TABLE,
    "messages upcoming --json": _LEDGER | _REDIS,
    "messages search ada": _LEDGER | _TABLE,
    "messages explain ada": _LEDGER | _REDIS | _ADDRESS | {"kombu"},
    "messages show 3f1c2a9e": _LEDGER | _TABLE,
    "messages export": _LEDGER,
    "messages replay": _LEDGER | _ADDRESS | _TABLE,
    "messages resubmit 1 --yes": _LEDGER | _REDIS | _ADDRESS | _TABLE,
    "messages cancel 3f1c2a9e --yes": _LEDGER | _ADDRESS,
    "messages reconcile --since 2026-11-01": _LEDGER | _REDIS | _ADDRESS,
    "holds list --json": _LEDGER,
    "holds add lane:bulk why": _LEDGER,
    "holds release lane:bulk": _LEDGER,
    "quarantine list": _REDIS | _TABLE,
    "quarantine release 1": _REDIS,
    "quarantine delete 1 --yes": _REDIS,
    "ledger status": _LEDGER,
    "ledger migrate": _LEDGER,
    "ledger refill --dry-run": _LEDGER | _REDIS | _JOB,
    "operator-password": set(),
    "webhook register --url https://b.fr/e": _REDIS,
    "webhook status --url https://b.fr/e": _REDIS | _TABLE,
    "suppressions list": _CONTACTS | _TABLE,
    "suppressions show a@b.fr": _CONTACTS | _TABLE,
    "suppressions add a@b.fr --why w": _CONTACTS | _REDIS,
    "suppressions lift a@b.fr --why w": _CONTACTS | _REDIS | {"mailworker.mailjet.gateway"},
    "suppressions opt-in a@b.fr --why w": _CONTACTS | _REDIS,
    "privacy export a@b.fr": _CONTACTS | _REDIS,
    "privacy erase a@b.fr --yes": _CONTACTS | _REDIS,
    "templates check": _TABLE | _TEMPLATES,
    "templates check --mailjet": _REDIS | _TABLE | _TEMPLATES,
    "templates preview api_crmCommunicationUserWelcome --folder preview": _TEMPLATES | _FORMAT,
    "templates new api_crmCommunicationUserWelcome": _TEMPLATES,
    "templates test api_crmCommunicationUserWelcome --to a@b.fr": _ENQUEUE | _TEMPLATES | _FORMAT,
    "templates push --dry-run": _REDIS | _TABLE | _TEMPLATES | {"kombu"},
    "templates restore kept --dry-run": _REDIS | _TABLE | _TEMPLATES | {"kombu"},
    "invoice send 1": _CRM,
    "invoice check invoice.json": _FORMAT | {"rich", "PIL"},
    "crm queries": _CRM,
    "crm paths": _CRM | {"requests"},
    "cgrates setup": _CRM | {"requests"},
}
#: These do long work by their nature: they start servers, draw pages, or look at everything.
LONG = {"demo", "dev", "simulator", "bench", "doctor", "invoice render"}


def test_the_table_has_every_command():
    """Whatever is added says what its start may load."""

    def leaves(command, words=()):
        if not hasattr(command, "commands"):
            return {" ".join(words)}
        return set().union(*(leaves(one, (*words, name)) for name, one in command.commands.items()))

    found = leaves(typer.main.get_command(build()))
    assert {
        name for name in found - LONG if not any(f"{it} ".startswith(f"{name} ") for it in COMMANDS)
    } == set()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where a command finds a configuration, and a ledger whose tables are up to date; nothing else answers."""
    made = tmp_path_factory.mktemp("start")
    root = Path(__file__).parents[2]
    ours = (root / "crm_config.yaml").read_text("utf-8")
    (made / "crm_config.yaml").write_text(f"{ours}\ncrm: {{source: demo}}\n", "utf-8")
    (made / "invoice.json").write_text((root / "examples/invoices/facture.json").read_text("utf-8"), "utf-8")
    subprocess.run(
        [sys.executable, "-m", "mailworker", "ledger", "migrate"],
        env=_environ(made), cwd=made, check=True, timeout=60, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    return made


def _environ(folder):
    return os.environ | {
        "CRM_CONFIG": str(folder / "crm_config.yaml"),
        "DATABASE_URL": f"sqlite:///{folder}/ledger.db",
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "MAILJET_API_KEY": "k",
        "MAILJET_API_SECRET": "s",
    }


#: What several commands may load is loaded once for all of them.
_COMMON = {"sqlalchemy": "mailworker.ledger.database", "redis": "redis"}


@pytest.fixture(scope="module")
def modules_after(folder):
    """The modules of a process that ran this command, which may load `allowed`."""
    with ExitStack() as started:

        @cache
        def process(*modules):
            return started.enter_context(
                subprocess.Popen(
                    [sys.executable, Path(__file__).with_name("forked_commands.py"), *modules],
                    stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                    cwd=folder, env=_environ(folder),
                )
            )  # fmt: skip

        def ask(command, allowed):
            common = [module for name, module in _COMMON.items() if name in allowed]
            asked = process("mailworker.config.settings", *common)
            asked.stdin.write(f"{json.dumps(command.split())}\n")
            asked.stdin.flush()
            return json.loads(asked.stdout.readline())

        yield ask


#: What a command that only looks into the ledger may not load either: each costs a tenth of a second or more.
NOT_FOR_A_LOOK = {
    "numpy",
    "tenacity",
    "sqlalchemy.orm",
    "sqlalchemy.dialects.postgresql",
    "mailworker.invoices",
    "mailworker.contacts",
    "mailworker.dispatch",
    "mailworker.prepare",
}
LOOKS = {
    "holds list --json", "messages list", "messages export", "ledger status", "campaign list", "suppressions list",
    "suppressions show a@b.fr", "stats --json", "schedule --json", "contacts status",
}  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_imports_nothing_that_its_work_does_not_need(command, modules_after):
    modules = modules_after(command, COMMANDS[command])
    assert isinstance(modules, list), modules
    assert HEAVY & set(modules) - COMMANDS[command] - _READS == set()
    assert command not in LOOKS or NOT_FOR_A_LOOK.isdisjoint(modules)


def test_a_command_looks_for_no_garbage_among_what_it_loaded(folder):
    code = (
        "import atexit, gc, sys\n"
        "from mailworker.__main__ import main\n"
        "gc.collect()\n"
        "begun = gc.get_stats()[0]['collections']\n"
        "shown = lambda: print(gc.get_stats()[0]['collections'] - begun, gc.get_freeze_count(), file=sys.stderr)\n"
        "atexit.register(shown)\n"
        "main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "messages", "list"],
        capture_output=True, text=True, check=True, timeout=60, cwd=folder, env=_environ(folder),
    )  # fmt: skip
    collections, frozen = map(int, done.stderr.split()[-2:])
    assert collections == 0
    assert frozen > 10_000, "Python looks at all of it once more before it ends"


@pytest.mark.parametrize("package", ["cli.local_stack", "intake", "invoices", "reminders"])
def test_a_package_has_each_of_its_names_and_none_that_is_a_modules(package):
    """An imported module becomes its package's attribute: it would stand in the place of a name like it."""
    found = importlib.import_module(f"mailworker.{package}")
    modules = {one.name for one in pkgutil.iter_modules(found.__path__)}
    assert modules.isdisjoint(found.__all__)
    for name in found.__all__:
        assert getattr(found, name).__class__ is not ModuleType
    with pytest.raises(AttributeError, match="no attribute 'other'"):
        found.other  # noqa: B018
