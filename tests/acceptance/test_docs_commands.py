"""Every command that the documentation shows is typed as it stands, before a running installation, and works.

Ids, addresses and files that a page only names stand in PLACES. What cannot run here stands in NOT_HERE with its reason;
what rightly ends with a fault here stands in FAULTS.
"""

import json
import os
import shlex
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mailworker.cli import build
from mailworker.cli.local_stack import Servers
from mailworker.crm.demo import Size, make_demo
from mailworker.errors import MailworkerError
from tests.acceptance.conftest import RunningStack
from tests.unit.test_docs import commands

pytestmark = pytest.mark.acceptance
ROOT = Path(__file__).parents[2]

#: What a page writes for something of the reader's own, and what stands for it here.
PLACES = {
    "ID": "{message}",
    "SCOPE": "api_crmCommunicationEmailVerification",
    "ADDRESS": "zoe@courriel.example",
    "FILE": "examples/invoices/facture.json",
    "INVOICE": "{invoice}",
    "FA-2026-004217": "{invoice}",
    "17": "{rejected}",
    "fibre.html": "{folder}/fibre.html",
}
#: Beginnings of commands that cannot run here, and why.
NOT_HERE = {
    "mailworker dev": "runs until Ctrl-C; tests/acceptance/test_dev.py",
    "mailworker webhook": "serves until Ctrl-C, and registers where Mailjet is; tests/integration/test_webhook_registration.py",
    "mailworker cgrates": "there is no CGRateS here; tests/unit/test_cgrates_setup.py",
    "mailworker crm queries": "there is no database of OmniCRM here; tests/integration/test_crm_omnicrm.py",
    "mailworker crm paths": "there is no REST API of OmniCRM here; tests/integration/test_crm_openapi.py",
    "mailworker doctor": "some checks are red here (no beat, no webhook); tests/unit/test_doctor.py",
    "mailworker ledger refill": "needs a Redis that outlived its ledger; tests/integration/test_restore.py",
    "mailworker invoice send": "the invented CRM has no whole documents; tests/integration/test_invoice_cli.py",
    "mailworker campaign": "one after another, with contacts; tests/integration/test_campaigns.py",
    "mailworker templates push --write": "writes ids into the file; tests/unit/test_own_templates.py",
    "mailworker contacts sync": "asks first; tests/integration/test_contact_commands.py",
    "mailworker privacy erase": "asks first; tests/unit/test_cli_privacy.py",
    "mailworker holds list|add|release": "three commands in one line",
}
#: A bare name in a sentence means the command, with whatever it needs.
BARE = {
    "mailworker messages replay", "mailworker messages show", "mailworker messages search", "mailworker messages",
    "mailworker holds", "mailworker holds release", "mailworker reminders explain", "mailworker invoice check",
    "mailworker messages list --to",
}  # fmt: skip
SHOWN = sorted({param.values[0].strip() for param in commands()})
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
        "mailjet": {"api_crmCommunicationContractSigned": own},
        "brand": {"name": "Horizon Télécom", "template_dir": str(folder / "mail_templates")},
    }
    with Servers(folder, changes=changes) as servers:
        servers.crew()
        made = RunningStack(servers)
        yield made
        made.ledger.close()


@pytest.fixture(scope="module")
def places(house: RunningStack) -> dict[str, str]:
    """The reader's own things."""
    sent = house.servers.client.send(
        "api_crmCommunicationEmailVerification",
        "zoe@courriel.example",
        {"user_name": "Zoé", "verification_url": "https://crm.example/v/1"},
    )
    house.final(sent)
    found = json.loads(house.mailworker("reminders", "run", "--dry-run", "--json").stdout)
    return {
        "message": sent,
        "invoice": str(found["mails"][0]["invoice_id"]) if found["mails"] else "1",
        "rejected": "1",
        "folder": str(house.servers.folder),
    }


@pytest.mark.parametrize("shown", TYPED)
def test_it_runs(shown: str, house: RunningStack, places: dict[str, str], monkeypatch: pytest.MonkeyPatch):
    line = shown.replace("…", "").partition(">")[0].partition("   ")[0]
    words = [PLACES.get(word, word).format(**places) for word in shlex.split(line)[1:] if word != "--open"]
    for name, value in house.servers.environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(house.servers.folder)
    done = CliRunner().invoke(build(), words, input="y\n" * 3)
    fault = f"{shown}: {done.exception!r}\n{done.output}"
    assert isinstance(done.exception, SystemExit | MailworkerError | None), fault
    assert done.exit_code == 0, fault


def test_what_cannot_run_here_is_still_shown():
    """A reason whose command is gone goes, too."""
    assert [start for start in NOT_HERE if not any(one.startswith(start) for one in SHOWN)] == []
    assert BARE - set(SHOWN) == set()
    assert os.sep
    assert timedelta
