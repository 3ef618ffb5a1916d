"""Every command that the documentation shows is typed as it stands, before a running installation, and works.

Ids, addresses and files that a page only names stand in PLACES. What cannot run here stands in NOT_HERE with its reason;
what rightly ends with a fault here stands in FAULTS.
"""

import re
import shlex
import shutil
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import update
from typer.testing import CliRunner

from mailworker.cli import build
from mailworker.cli.local_stack import Servers
from mailworker.config.builtin_kinds import INVOICE_REMINDER
from mailworker.config.settings import load_settings
from mailworker.crm import open_source
from mailworker.crm.demo import Size, make_demo
from mailworker.errors import MailworkerError
from mailworker.intake import Intake
from mailworker.intake.rejections import Rejection
from mailworker.ledger.tables import messages
from tests.acceptance.conftest import RunningStack
from tests.doubles import FakeFiles
from tests.unit.test_docs import commands

pytestmark = pytest.mark.acceptance
ROOT = Path(__file__).parents[2]

#: What a page writes for something of the reader's own, and what stands for it here.
PLACES = {
    "ID": "{message}",
    "SCOPE": "api_crmCommunicationEmailVerification",
    "ADDRESS": "zoe@courriel.example",
    "ada": "zoe@courriel.example",
    "FILE": "examples/invoices/facture.json",
    "INVOICE": "{invoice}",
    "FA-2026-004217": "{number}",
    "17": "{rejected}",
    "fibre.html": "{folder}/fibre.html",
}
#: Beginnings of commands that cannot run here, and why.
NOT_HERE = {
    "mailworker health": "there are no workers here; tests/acceptance/test_leftovers.py",
    "mailworker demo": "refuses a Redis in use; tests/integration/test_local_stack.py, and `make demo` runs it",
    "mailworker simulator": "serves until Ctrl-C; tests/integration/test_simulator_command.py",
    "mailworker dev": "runs until Ctrl-C; tests/acceptance/test_tutorial.py",
    "mailworker webhook": "serves until Ctrl-C, and registers where Mailjet is; tests/integration/test_webhook_registration.py",
    "mailworker cgrates": "there is no CGRateS here; tests/unit/test_cgrates_setup.py",
    "mailworker crm queries": "there is no database of OmniCRM here; tests/integration/test_crm_omnicrm.py",
    "mailworker crm paths": "there is no REST API of OmniCRM here; tests/integration/test_crm_openapi.py",
    "mailworker doctor": "some checks are red here (no beat, no webhook); tests/unit/test_doctor.py",
    "mailworker ledger refill": "needs a Redis that outlived its ledger; tests/integration/test_restore.py",
    "mailworker invoice send": "the invented CRM has no whole documents; tests/integration/test_invoice_cli.py",
    "mailworker campaign": "one after another, with contacts; tests/integration/test_campaigns.py",
    "mailworker templates check --mailjet": "nothing was pushed to this Mailjet; tests/integration/test_simulator_gateway.py",
    "mailworker templates push --write": "writes ids into the file; tests/unit/test_own_templates.py",
    "mailworker templates restore": "needs what a push replaced; tests/integration/test_template_push.py",
    "mailworker contacts sync": "asks first; tests/integration/test_contact_commands.py",
    "mailworker suppressions opt-in": "nobody switched mail off here; tests/integration/test_suppressions.py",
    "mailworker privacy erase": "asks first; tests/unit/test_cli_privacy.py",
    "mailworker holds list|add|release": "three commands in one line",
}
#: A bare name in a sentence means the command, with whatever it needs.
BARE = {
    "mailworker messages replay", "mailworker messages show", "mailworker messages search", "mailworker messages",
    "mailworker holds", "mailworker reminders explain", "mailworker invoice check",
    "mailworker messages cancel", "mailworker messages replay|cancel", "mailworker messages resubmit", "mailworker suppressions lift",
}  # fmt: skip
#: What is typed into a command that asks for more than yes or no.
ANSWERS = {"mailworker operator-password": "correct horse battery staple\n"}
#: The tutorial is typed as a whole, with files of its own: tests/acceptance/test_tutorial.py.
SHOWN = sorted(
    {param.values[0].strip() for param in commands() if not param.id.startswith("docs/tutorial.md")}
)
TYPED = [one for one in SHOWN if not one.startswith(tuple(NOT_HERE)) and one not in BARE]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """An installation with an invented CRM, one message, one refused job, and files that pages name."""
    folder = tmp_path_factory.mktemp("docs")
    make_demo(folder / "demo-crm.sqlite", datetime.now(UTC).date(), Size(20))
    (folder / "fibre.html").write_text("<p>Bonjour</p>", "utf-8")
    shutil.copytree(ROOT / "examples", folder / "examples")
    own = {
        "from_email": "a@horizon-telecom.example", "from_name": "Horizon", "template_id": 77, "subject": "Contrat",
        "variables": ["customer_name", "contract_number"],
    }  # fmt: skip
    changes = {
        "mailjet": {"api_crmCommunicationContractSigned": own, "calls_per_minute": 12_000},
        "brand": {"name": "Horizon Télécom", "template_dir": str(folder / "mail_templates")},
    }
    with Servers(folder, changes=changes, simulator=["--calls-per-minute", "0"]) as servers:
        made = RunningStack(servers)
        yield made
        made.ledger.close()


@pytest.fixture(scope="module")
def places(house: RunningStack) -> dict[str, str]:
    """The reader's own things: a message, a refused job, an overdue invoice."""
    settings = load_settings(house.servers.config)
    intake = Intake(house.ledger, settings.kinds, FakeFiles(), language="fr")
    job = {
        "kind": "api_crmCommunicationEmailVerification",
        "to": "zoe@courriel.example",
        "variables": {"user_name": "Zoé", "verification_url": "https://crm.example/v/1"},
    }
    now = datetime.now(UTC)
    (sent,) = intake.accept(job, now=now).ids
    intake.write([], now=now, rejections=[Rejection("test", ("to: is missing.",), {"kind": job["kind"]})])
    with house.ledger.write() as connection:
        connection.execute(update(messages).where(messages.c.id == sent).values(state="unknown"))
    invented = settings.crm.model_copy(
        update={
            "demo": settings.crm.demo.model_copy(update={"path": house.servers.folder / "demo-crm.sqlite"})
        }
    )
    with closing(open_source(invented)) as crm:
        invoice = next(iter(crm.open_invoices())).records[0]
    reminder = {
        "kind": INVOICE_REMINDER,
        "to": "zoe@courriel.example",
        "variables": {
            "customer_name": "Zoé",
            "invoice_number": invoice.number,
            "due_date": "2026-11-01",
            "days_overdue": 3,
            "total_amount": "1",
            "pay_url": "https://crm.example/pay/1",
        },
    }
    intake.accept(reminder, now=now)
    house.mailworker("holds", "add", PLACES["SCOPE"], "looked at")
    return {
        "message": sent,
        "number": invoice.number,
        "invoice": invoice.invoice_id,
        "rejected": "1",
        "folder": str(house.servers.folder),
    }


@pytest.mark.parametrize("shown", TYPED)
def test_it_runs(shown: str, house: RunningStack, places: dict[str, str], monkeypatch: pytest.MonkeyPatch):
    line = re.split(r"\s{3,}(?=[^\s-])", shown.replace("…", "").partition(">")[0])[0]
    words = [PLACES.get(word, word).format(**places) for word in shlex.split(line)[1:] if word != "--open"]
    for name, value in house.servers.environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(house.servers.folder)
    done = CliRunner().invoke(build(), words, input=ANSWERS.get(shown, "y\n" * 3))
    fault = f"{shown}: {done.exception!r}\n{done.output}"
    assert isinstance(done.exception, SystemExit | MailworkerError | None), fault
    assert done.exit_code == 0, fault


def test_what_cannot_run_here_is_still_shown():
    """A reason whose command is gone goes, too."""
    assert [start for start in NOT_HERE if not any(one.startswith(start) for one in SHOWN)] == []
    assert BARE - set(SHOWN) == set()
