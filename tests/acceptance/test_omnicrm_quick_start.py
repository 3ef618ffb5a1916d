"""The first section of docs/omnicrm.md, word for word and in its order: from a running OmniCRM to the first true mail.

The OmniCRM is its documented file and a MariaDB with its documented columns; the engine is CGRateS's stand-in.
"""

import re
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from sqlalchemy import create_engine

from mailworker.cli.local_stack import Servers, wait_until
from mailworker.cli.local_stack.redis_server import free_port
from tests.acceptance.conftest import EVERY_QUEUE
from tests.integration.mariadb import running_mariadb
from tests.omnicrm.cgrates import Cgrates, serving
from tests.omnicrm.engine_world import GB
from tests.omnicrm.schema import DATA, SCHEMA, statements

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(300)]

ROOT = Path(__file__).parents[2]
SECTION = (ROOT / "docs" / "omnicrm.md").read_text("utf-8").partition("\n## ")[2].partition("\n## ")[0]
_BLOCK = re.compile(r"^ *```(\w+)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)


@dataclass
class Operator:
    """Who follows the page."""

    servers: Servers
    engine: Cgrates
    seconds: float = 0.0

    def types(self, line: str) -> str:
        """Type a command of the page; what it says. Its exit code must be 0."""
        program, *arguments = shlex.split(line)
        assert program == "mailworker"
        began = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-m", "mailworker", *arguments],
            env=self.servers.environ,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        took = time.monotonic() - began
        self.seconds += took
        sys.stdout.write(f"{took:5.1f} s  {line}\n")
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def mails_to(self, address: str) -> int:
        return len(self.servers.mailbox.messages(to=address))


def commands() -> list[str]:
    """Every command of the section, in order."""
    text = "".join(body for kind, body in _BLOCK.findall(SECTION) if kind == "console")
    joined = re.sub(r"\\\n\s*", "", text)
    return [line.strip().removeprefix("$ ") for line in joined.splitlines() if line.strip().startswith("$ ")]


def five_lines(engine_url: str) -> str:
    """What the section has the operator add, with this machine's engine."""
    (block,) = (body for kind, body in _BLOCK.findall(SECTION) if kind == "yaml")
    lines = [line[3:] for line in block.splitlines()]
    assert len(lines) <= 5
    return "\n".join(lines).replace("http://ocs:2080/jsonrpc", engine_url)


@pytest.fixture(scope="module")
def operator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    folder, port = tmp_path_factory.mktemp("omnicrm"), free_port()
    engine = Cgrates()
    engine.now = datetime.now(UTC)
    for name in ("4f1c2a9e-0001", "4f1c2a9e-0003"):
        engine.account(name, engine.balance("*data", "Data Package", 50 * GB, days=20))
    with running_mariadb(port) as maria, serving(engine) as engine_url:
        maria.execute("CREATE DATABASE omnicrm CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci")
        maria.execute("CREATE USER 'omnitouch'@'127.0.0.1' IDENTIFIED BY 'omnitouch2024'")
        maria.execute("GRANT SELECT ON omnicrm.* TO 'omnitouch'@'127.0.0.1'")
        database = create_engine(maria.url("omnicrm"))
        with database.begin() as link:
            for statement in (*statements(SCHEMA), *statements(DATA)):
                link.exec_driver_sql(statement.replace("%", "%%"))
        database.dispose()
        theirs = (ROOT / "tests" / "omnicrm" / "crm_config.yaml").read_text("utf-8")
        theirs = theirs.replace("server: localhost", f"server: 127.0.0.1:{port}")
        file = folder / "theirs.yaml"
        file.write_text(f"{theirs}\n{five_lines(engine_url)}\n", "utf-8")
        # The test may run at night.
        with Servers(folder / "ours", config=file, changes={"balances": {"quiet_hours": None}}) as servers:
            servers.worker(EVERY_QUEUE, concurrency=3)
            servers.beat()
            yield Operator(servers, engine)


def test_the_page_word_for_word(operator: Operator) -> None:
    said = {line: operator.types(line) for line in commands()}
    names = [" ".join(line.split()[1:3]) for line in said]
    assert names == [
        "doctor --only", "reminders run", "balances run", "contacts sync",
        "send api_crmCommunicationCustomerWelcome", "reminders start", "balances start",
    ]  # fmt: skip
    doctor, reminders, _, contacts, *_ = said.values()
    assert "All is well." in doctor
    assert "facture@zoe.example" in reminders
    assert "Read 3 customers" in contacts
    assert wait_until(lambda: operator.mails_to("you@example.com") == 1, seconds=60)
    sys.stdout.write(f"{len(said)} commands took {operator.seconds:.1f} seconds.\n")


def test_the_first_true_alert_after_it(operator: Operator) -> None:
    """The scans are started: what gets low from here on is told."""
    operator.engine.debit("4f1c2a9e-0001", "*data", "Data Package", 45 * GB)
    operator.types("mailworker balances run")
    assert wait_until(lambda: operator.mails_to("facture@zoe.example") == 1, seconds=60)


def test_the_section_adds_what_it_says() -> None:
    assert set(yaml.safe_load(five_lines("http://x/jsonrpc"))) == {"crm", "balances"}
