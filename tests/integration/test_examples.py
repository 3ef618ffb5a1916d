"""Every example does what its README says: the commands of its console blocks run, and say what they should."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from pypdf import PdfReader
from sqlalchemy import select

from mailworker.config.settings import load_settings
from mailworker.core.lane import Lane
from mailworker.intake import Intake
from mailworker.intake.job_stream import JobStream
from mailworker.ledger import Ledger
from mailworker.ledger.tables import messages
from tests.doubles import FakeFiles
from tests.rows import NOW

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
_BLOCK = re.compile(r"```console\n(.*?)```", re.DOTALL)


def commands(name):
    """What a README's console blocks have one type, as one script."""
    blocks = _BLOCK.findall((EXAMPLES / name / "README.md").read_text("utf-8"))
    return "\n".join(
        line.removeprefix("$ ") for block in blocks for line in block.splitlines() if line.startswith("$ ")
    )


@pytest.fixture
def run(tmp_path):
    """Runs the README's commands in a copy of the example, and gives the folder and what was printed."""

    def run(name, **more):
        folder = tmp_path / "examples" / name
        shutil.copytree(EXAMPLES, tmp_path / "examples")
        environment = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(tmp_path),
            "LANG": "C.UTF-8",
        }
        script = f"trap 'kill $(jobs -p) 2>/dev/null || true' EXIT\nset -e\n{commands(name)}\n"
        ran = subprocess.run(
            ["bash", "-c", script],
            cwd=folder,
            env=environment | more,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=100,
            check=False,
        )
        return folder, ran

    return run


def module_of(name, file, monkeypatch):
    monkeypatch.syspath_prepend(str(EXAMPLES / name))
    spec = importlib.util.spec_from_file_location(f"example_{name.replace('-', '_')}", EXAMPLES / name / file)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def drained(valkey_redis, tmp_path, monkeypatch):
    """Takes the jobs from Redis into a ledger, by an example's configuration; gives the messages' rows."""

    def drain(example):
        monkeypatch.setenv("CRM_CONFIG", str(EXAMPLES / example / "crm_config.yaml" if example else ""))
        kinds = load_settings().kinds
        ledger = Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}")
        intake = Intake(ledger, kinds, FakeFiles(), language="fr")
        for lane in Lane:
            JobStream(valkey_redis, lane, intake).drain_some(NOW)
        with ledger.read() as connection:
            rows = connection.execute(select(messages)).mappings().all()
        ledger.close()
        return [dict(row) for row in rows]

    return drain


def test_every_example_is_here():
    named = {path.name for path in EXAMPLES.iterdir() if path.is_dir()}
    assert named == {"invoices", "own-kind", "own-invoice-template", "crm-sql", "crm-http", "flask-app"}


def test_a_kind_of_your_own(run, drained, valkey, monkeypatch):
    folder, ran = run("own-kind")
    assert ran.returncode == 0, ran.stdout
    (page,) = (folder / "preview").glob("*ContractSigned*.html")
    assert "Votre contrat est signé" in page.read_text("utf-8")
    send = module_of("own-kind", "send.py", monkeypatch)
    monkeypatch.setenv("CRM_CONFIG", str(EXAMPLES / "own-kind" / "crm_config.yaml"))
    mail = send.client(valkey.url)
    ids = {send.contract_signed(mail, "zoe@courriel.example", "Zoé", "C-1") for _ in range(2)}
    (row,) = drained("own-kind")
    assert ids == {row["id"]}
    assert (row["kind"], row["variables"]["contract_number"]) == ("api_crmCommunicationContractSigned", "C-1")


def test_an_invoice_template_of_your_own(run):
    folder, ran = run("own-invoice-template")
    assert ran.returncode == 0, ran.stdout
    text = "".join(page.extract_text() for page in PdfReader(folder / "facture.pdf").pages)
    assert "Alizé Télécom : facture" in text


@pytest.mark.parametrize("name", ["crm-sql", "crm-http"])
def test_a_crm_of_your_own(run, name):
    _, ran = run(name)
    assert ran.returncode == 0, ran.stdout
    assert "F-2026-1" in ran.stdout, "the one that is overdue"
    assert "F-2026-2" not in ran.stdout, "the one that is paid"


def test_a_flask_application(run, drained, valkey, valkey_redis, tmp_path, monkeypatch):
    _, ran = run("flask-app", DATABASE_URL=f"sqlite:///{tmp_path / 'routes.sqlite'}")
    assert ran.returncode == 0, ran.stdout
    assert "/customers" in ran.stdout
    monkeypatch.setenv("REDIS_URL", valkey.url)
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'app.sqlite'}")
    client = module_of("flask-app", "app.py", monkeypatch).create_app().test_client()
    asked = {"name": "Quai 8", "contact": "Zoé Roussel", "email": "zoe@courriel.example"}
    assert client.post("/customers", json=asked).status_code == 201
    assert client.post("/customers", json=asked).status_code == 409, "rolled back: nothing more is sent"
    (row,) = drained("")
    assert (row["idempotency_key"], row["variables"]["company_name"]) == ("welcome:1", "Quai 8")
