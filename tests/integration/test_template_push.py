"""`mailworker templates push` against the local Mailjet: the difference first, then only what differs."""

import functools
import re

import pytest
from typer.testing import CliRunner

from mailworker.cli import build
from mailworker.cli.local_stack.trial_config import trial_config
from mailworker.simulator import running

pytestmark = pytest.mark.integration

KIND = "api_crmCommunicationCustomerWelcome"
SIGNED = "api_crmCommunicationContractSigned"
BLOCK = {
    "from_email": "a@horizon-telecom.example",
    "from_name": "A",
    "template_id": 1,
    "subject": "Votre contrat {{var:contract}}",
    "variables": ["contract"],
}


@pytest.fixture
def push(valkey, tmp_path, monkeypatch):
    with running(calls_per_minute=0) as mailjet:
        folder = tmp_path / "mails"
        folder.mkdir()
        text = trial_config(
            {
                "worker": {"redis_url": valkey.url, "database_url": f"sqlite:///{tmp_path}/l.db"},
                "mailjet": {
                    "api_url": mailjet.url,
                    "calls_per_minute": 12_000,
                    "api_key": mailjet.settings.api_key,
                    "api_secret": mailjet.settings.api_secret.reveal(),
                    SIGNED: BLOCK,
                },
                "brand": {"name": "Alizé", "template_dir": str(folder)},
            }
        )
        path = tmp_path / "crm_config.yaml"
        path.write_text(
            "# ours\n" + text.replace("  template_id: 1\n", "  template_id: 1  # by push\n"), "utf-8"
        )
        monkeypatch.setenv("CRM_CONFIG", str(path))

        def run(*arguments):
            return called("push", *arguments)

        def called(*arguments):
            done = CliRunner().invoke(build(), ["templates", *arguments], env={"COLUMNS": "200"})
            assert done.exit_code == 0, (done.output, done.exception)
            return done.stdout

        monkeypatch.chdir(tmp_path)
        run.restore = functools.partial(called, "restore")
        run.path, run.folder, run.mailjet = path, folder, mailjet
        yield run


def write(push, html):
    (push.folder / f"{SIGNED}.fr.html").write_text(html, "utf-8")
    (push.folder / f"{SIGNED}.fr.txt").write_text("Contrat {{var:contract}}\n", "utf-8")


def test_only_what_differs_is_changed_and_its_difference_is_shown_first(push):
    write(push, "<h1>Contrat</h1><p>{{Escape(var:contract)}}</p>")
    assert f"created: mailworker {SIGNED} fr" in push("--kind", SIGNED, "--kind", KIND)
    again = push("--kind", SIGNED, "--kind", KIND)
    assert again.count("unchanged: ") == 3
    write(push, "<h1>Contrat</h1><p>Bonjour, {{Escape(var:contract)}}</p>")
    rehearsed = push("--kind", SIGNED, "--kind", KIND, "--dry-run")
    assert f"would be updated: mailworker {SIGNED} fr" in rehearsed
    assert f"unchanged: mailworker {KIND} fr" in rehearsed
    assert "--- HTML at Mailjet" in rehearsed
    assert any(line.strip().startswith("+") and "Bonjour" in line for line in rehearsed.splitlines())
    assert "would be updated" in push("--kind", SIGNED, "--dry-run"), "a rehearsal changed nothing"
    assert f"updated: mailworker {SIGNED} fr" in push("--kind", SIGNED, "--yes")
    assert f"unchanged: mailworker {SIGNED} fr" in push("--kind", SIGNED)


def test_what_was_at_mailjet_can_be_put_back(push, tmp_path):
    write(push, "<h1>Contrat</h1><p>{{Escape(var:contract)}}</p>")
    first = push("--kind", SIGNED, "--backup", str(tmp_path / "kept"))
    assert "restore" not in first, "nothing was replaced"
    write(push, "<h1>Erreur</h1><p>{{Escape(var:contract)}}</p>")
    told = push("--kind", SIGNED, "--backup", str(tmp_path / "kept"))
    folder = re.search("mailworker templates restore (.*)", told)[1]
    backup = ["--backup", str(tmp_path / "kept2")]
    assert f"would be updated: mailworker {SIGNED} fr" in push.restore(folder, "--dry-run")
    assert f"updated: mailworker {SIGNED} fr" in push.restore(folder, "--yes", *backup)
    assert f"unchanged: mailworker {SIGNED} fr" in push.restore(folder, *backup)
    write(push, "<h1>Contrat</h1><p>{{Escape(var:contract)}}</p>")
    assert f"unchanged: mailworker {SIGNED} fr" in push("--kind", SIGNED), "as it was"


def test_nothing_is_replaced_that_cannot_be_kept(push, tmp_path):
    write(push, "<h1>Contrat</h1><p>{{Escape(var:contract)}}</p>")
    push("--kind", SIGNED)
    write(push, "<h1>Erreur</h1><p>{{Escape(var:contract)}}</p>")
    (tmp_path / "file").write_text("", encoding="utf-8")
    arguments = ["templates", "push", "--kind", SIGNED, "--backup", str(tmp_path / "file")]
    refused = str(CliRunner().invoke(build(), arguments).exception)
    assert "so nothing was pushed" in refused
    assert "would be updated" in push("--kind", SIGNED, "--dry-run")


@pytest.mark.parametrize(
    ("name", "said"), [(None, "has no replaced templates"), ("a.fr.json", "is none of the files")]
)
def test_a_folder_that_no_push_printed(push, tmp_path, name, said):
    folder = tmp_path / "other"
    folder.mkdir()
    if name:
        (folder / name).write_text("[]", encoding="utf-8")
    assert said in str(CliRunner().invoke(build(), ["templates", "restore", str(folder)]).exception)


def test_ids_of_own_kinds_too_are_written_and_comments_stay(push):
    write(push, "<h1>Contrat</h1><p>{{Escape(var:contract)}}</p>")
    told = push("--kind", SIGNED, "--write")
    assert f"mailjet.{SIGNED}.template_id: 1 -> " in told
    text = push.path.read_text("utf-8")
    assert text.startswith("# ours\n")
    assert "# by push" in text
    assert "has these ids already" in push("--kind", SIGNED, "--write")


def test_ids_of_a_trials_mailjet_are_written_nowhere(push, monkeypatch):
    """`mailworker dev` writes that file anew at each start; nothing is pushed, either."""
    push.path.write_text(push.path.read_text("utf-8").removeprefix("# ours\n"), "utf-8")
    before = push.path.read_text("utf-8")
    done = CliRunner().invoke(build(), ["templates", "push", "--write"])
    assert "is written anew whenever mailworker dev starts" in str(done.exception)
    assert push.path.read_text("utf-8") == before
    assert "would be created" in push("--kind", KIND, "--dry-run")
