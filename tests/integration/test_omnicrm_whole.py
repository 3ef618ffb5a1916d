"""OmniCRM's documented file plus five lines, on the stand-ins: its own database and its own charging engine."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import create_engine
from typer.testing import CliRunner

from mailworker.cli import build
from mailworker.crm.omnicrm import database_rows as module
from tests.omnicrm.cgrates import Cgrates, serving
from tests.omnicrm.engine_world import GB
from tests.omnicrm.schema import DATA, SCHEMA, statements

pytestmark = pytest.mark.integration

DOCUMENTED = Path(__file__).parents[1] / "omnicrm" / "crm_config.yaml"
FIVE_LINES = """
crm: {{source: omnicrm, omnicrm: {{pay_url: "https://crm.example/pay/{{invoice_id}}"}}}}
balances:
  cgrates:
    url: {engine}
    topup_url: "https://crm.example/topup/{{service_uuid}}"
"""


@pytest.fixture
def operator(fresh_mariadb_url, mariadb_server, tmp_path, monkeypatch):
    """Runs commands in a folder that has OmniCRM's file, plus ours."""
    database = create_engine(fresh_mariadb_url)
    name = database.url.database
    with database.begin() as link:
        for statement in (*statements(SCHEMA), *statements(DATA)):
            link.exec_driver_sql(statement.replace("%", "%%"))
        link.exec_driver_sql("UPDATE service SET service_end_date = NULL")
    database.dispose()
    mariadb_server.execute("CREATE OR REPLACE USER 'omnitouch'@'localhost' IDENTIFIED BY 'omnitouch2024'")
    mariadb_server.execute(f"GRANT SELECT ON {name}.* TO 'omnitouch'@'localhost'")
    # The manual's name of the database is this test's, and its server is reached by a socket.
    plain, query = module.urls_of, {"unix_socket": str(mariadb_server.socket)}
    monkeypatch.setattr(module, "DATABASE_NAMES", ("omnicrm_is_not_here", name))
    monkeypatch.setattr(module, "urls_of", lambda settings: [one.set(query=query) for one in plain(settings)])
    engine = Cgrates()
    engine.now = datetime.now(UTC)
    engine.account("4f1c2a9e-0001", engine.balance("*data", "Data Package", 50 * GB, days=20))
    engine.account("4f1c2a9e-0003", engine.balance("*data", "Data Package", 50 * GB, days=20))
    with serving(engine) as url:
        config = tmp_path / "crm_config.yaml"
        config.write_text(DOCUMENTED.read_text("utf-8") + FIVE_LINES.format(engine=url), "utf-8")
        (tmp_path / "invoice_templates").mkdir()
        environ = {"CRM_CONFIG": str(config), "DATABASE_URL": f"sqlite:///{tmp_path}/ledger.sqlite"}
        for key in ("REDIS_URL",):
            monkeypatch.delenv(key, raising=False)
        for key, value in environ.items():
            monkeypatch.setitem(os.environ, key, value)

        def run(*arguments, code=0):
            done = CliRunner().invoke(build(), arguments)
            assert done.exit_code == code, done.output
            return done.stdout

        run.engine = engine
        yield run


def test_reminders_balances_and_contacts(operator):
    reminders = json.loads(operator("reminders", "run", "--dry-run", "--json"))
    told = {(mail["to"], mail["why"].split(":")[0]) for mail in reminders["mails"]}
    assert {to for to, _ in told} == {"facture@zoe.example", "suspendu@suspendu.example"}
    assert reminders["skipped"]["excluded"] == 3, "closed, not enabled, and one who asked for none"
    operator("balances", "run")  # the first scan is silent
    operator.engine.debit("4f1c2a9e-0001", "*data", "Data Package", 45 * GB)
    balances = json.loads(operator("balances", "run", "--dry-run", "--json"))
    (mail,) = balances["mails"]
    assert mail["to"] == "facture@zoe.example"
    contacts = operator("contacts", "sync", "--dry-run")
    assert "Read 3 customers with 4 contacts." in contacts
    assert "could not be read" not in contacts
    assert "All is well." in operator("doctor", "--only", "crm", "--only", "cgrates")


def test_the_sql_in_use_is_printed(operator):
    printed = operator("crm", "queries")
    assert "open_invoices: |" in printed
    assert "omnitouch2024" not in printed
