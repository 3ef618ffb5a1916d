"""What starts at once may not wait for what it does not need yet."""

import importlib
import json
import os
import pkgutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

#: What each start leaves for later, or for others: databases, clients, renderers, the configuration's types.
HEAVY = {
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
    "structlog",
    "email_validator",
    "httpx",
    "jinja2",
    "kombu",
    "lxml",
    "boto3",
    "mailjet_rest",
    "mailworker.config.settings",
    "mailworker.templates.choose_template",
    "prometheus_client",
    "redis",
    "requests",
    "rich",
    "sqlalchemy",
    "weasyprint",
    "yaml",
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
    assert HEAVY & set(json.loads(done.stdout)) == set()


#: What a command that asks the ledger, the configuration or Redis does need of them.
_READS, _LEDGER = {"mailworker.config.settings", "yaml"}, {"sqlalchemy"}
_REDIS = {"redis", "cryptography", "opentelemetry"}  # redis-py loads the others where they are installed
COMMANDS = {
    "--version": set(),
    "holds list --json": _READS | _LEDGER,
    "messages list": _READS | _LEDGER | {"rich"},
    "messages list --json": _READS | _LEDGER,
    "messages show 3f1c2a9e": _READS | _LEDGER | {"rich"},
    "messages replay": _READS | _LEDGER | {"rich"},
    "messages export": _READS | _LEDGER,
    "ledger status": _READS | _LEDGER,
    "suppressions list": _READS | _LEDGER | {"rich"},
    "contacts status": _READS | _LEDGER | {"rich"},
    "campaign list": _READS | _LEDGER | {"rich"},
    "schedule --json": _READS | _LEDGER | {"rich"},
    "stats --json": _READS | _LEDGER | _REDIS,
    "quarantine list": _READS | _REDIS | {"rich"},
    "templates check": _READS | {"rich", "mailworker.templates.choose_template"},
    "invoice check invoice.json": _READS | {"rich", "PIL"},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where a command finds a configuration, and a ledger whose tables are up to date; nothing else answers."""
    made = tmp_path_factory.mktemp("start")
    root = Path(__file__).parents[2]
    (made / "crm_config.yaml").write_text((root / "crm_config.yaml").read_text("utf-8"), "utf-8")
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


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_imports_nothing_that_its_work_does_not_need(command, folder):
    code = (
        "import json, sys\n"
        "from mailworker.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print(json.dumps(sorted(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *command.split()],
        capture_output=True, text=True, check=True, timeout=60, cwd=folder, env=_environ(folder),
    )  # fmt: skip
    assert HEAVY & set(json.loads(done.stderr.splitlines()[-1])) - COMMANDS[command] == set()


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
