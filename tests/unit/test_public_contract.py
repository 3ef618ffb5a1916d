"""What programs and operators outside rely on, name by name: a change here breaks somebody.

Names may be added; those that stand here stay.
"""

import inspect
import re
from pathlib import Path

import pytest
import typer.main

from mailworker.cli import build
from mailworker.client import MailClient
from mailworker.config.builtin_kinds import KINDS
from mailworker.config.settings import parse_settings
from mailworker.core.states import State
from mailworker.queue.celery_queues import MAIL, QUEUES
from mailworker.tasks.app import app
from mailworker.web.app import create_app
from tests.doubles import CONFIG

#: Each task, and what it is called with: names that have to be given, then those with a default.
TASKS = {
    "send_email": ("kind to", "variables idempotency_key language customer_id send_at expires_at attachments cc bcc"),
    "send_emails": ("messages", ""),
    "send_invoice": ("", "invoice_id invoice to idempotency_key language"),
    "send_invoice_reminder": ("invoice_id", "idempotency_key"),
    "sync_contact": ("contact", ""),
    "sync_customer": ("customer", ""),
    "delete_contact": ("email", ""),
    "sync_all_contacts": ("", ""),
    "scan_overdue_invoices": ("", "as_of"),
    "scan_balances": ("", "as_of"),
    "record_events": ("events", ""),
}  # fmt: skip
METHODS = {
    "send": (
        "kind to variables",
        "idempotency_key language customer_id send_at expires_at attachments cc bcc",
    ),
    "send_many": ("jobs", ""),
    "send_invoice": ("", "invoice_id invoice to idempotency_key language"),
    "send_invoice_reminder": ("invoice_id", "idempotency_key"),
    "sync_contact": ("contact", ""),
    "sync_customer": ("customer", ""),
    "delete_contact": ("email", ""),
    "status": ("message_id", ""),
}
COMMANDS = """
doctor --json
send
messages list --json
messages show --json
messages search --json
messages replay
messages cancel
invoice render
contacts sync
reminders run --dry-run
reminders explain
templates check
templates push
templates preview
campaign create
campaign send
webhook
simulator
demo
bench
privacy export
privacy erase
suppressions list
suppressions add
suppressions lift
"""
CONTROL = "messages counts calls faults events attachments reset"
STATES = "accepted rendering ready sending unknown sent failed suppressed expired cancelled held"
TABLE = Path(__file__).parents[2] / "mailworker" / "simulator" / "README.md"


def names_of(callable_, *, without=()):
    """What has to be given, and the names with a default, in order."""
    found = [one for one in inspect.signature(callable_).parameters.values() if one.name not in without]
    needed = [one.name for one in found if one.default is inspect.Parameter.empty]
    return needed, [one.name for one in found if one.name not in needed]


def takes(callable_, needed, optional, *, without=()):
    """Whether it can be called with these, by the same places and names, and with fewer."""
    must, may = names_of(callable_, without=without)
    assert must == needed.split()
    assert may[: len(optional.split())] == optional.split()


@pytest.mark.parametrize("name", TASKS)
def test_a_task_can_be_called_by_these_names(name):
    app.loader.import_default_modules()
    takes(app.tasks[f"mailworker.{name}"].run, *TASKS[name], without={"self"})


@pytest.mark.parametrize("name", METHODS)
def test_the_client_can_be_called_by_these_names(name):
    takes(getattr(MailClient, name), *METHODS[name], without={"self"})


def test_the_queues_and_the_application():
    import tasks.app  # noqa: PLC0415 - as `celery -A tasks` finds it

    assert tasks.app.app is app
    assert set(QUEUES) >= {"mail.urgent", "mail.normal", "mail.bulk", "render", "contacts", "scans"}
    assert {lane.word: channel.queue for lane, channel in MAIL.items()} == {
        word: f"mail.{word}" for word in ("urgent", "normal", "bulk")
    }
    assert (app.conf.task_serializer, app.conf.accept_content) == ("json", ["json"])


def test_the_states():
    assert {state.value for state in State} == set(STATES.split())


@pytest.mark.parametrize("line", COMMANDS.split("\n")[1:-1])
def test_a_command_is_there(line):
    words = [word for word in line.split() if not word.startswith("--")]
    command = typer.main.get_command(build())
    for word in words:
        command = command.commands[word]
    options = {option for one in command.params for option in one.opts}
    assert options >= {word for word in line.split() if word.startswith("--")}


@pytest.mark.parametrize("name", CONTROL.split())
def test_a_control_endpoint_of_the_local_mailjet_is_there_and_described(name):
    assert re.search(rf"\| .*`(GET|POST)?.* ?/_simulator/{name}\b", TABLE.read_text("utf-8"))


def test_the_ten_kinds_and_their_keys():
    settings = parse_settings(CONFIG, environ={})
    assert set(KINDS) <= set(settings.kinds)
    assert len(KINDS) == 10
    block = settings.mailjet.blocks["api_crmCommunicationCustomerInvoice"]
    assert {"from_email", "from_name", "template_id", "subject"} <= set(type(block).model_fields)
    assert settings.mailjet.api_url == "https://api.mailjet.com/"
    assert settings.mailjet.calls_per_minute == 200
    for section in ("worker", "crm", "reminders", "balances", "contacts", "invoice"):
        assert hasattr(settings, section)
    assert {"redis_url", "database_url", "timezone"} <= set(type(settings.worker).model_fields)
    assert "template_filename" in type(settings.invoice).model_fields


def test_the_web_processs_routes():
    settings = parse_settings(CONFIG, environ={})

    class Container:
        def __getattr__(self, name):
            return settings if name == "settings" else None

    paths = {route.path for route in create_app(Container()).routes}
    assert paths >= {"/mailjet/events", "/ocs/cgrates", "/health", "/ready", "/metrics"}
