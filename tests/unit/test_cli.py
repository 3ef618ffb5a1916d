"""The command line: quick help, sentences instead of tracebacks."""

import io
import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
import typer.main
from rich.console import Console
from typer.testing import CliRunner

from mailworker import cli
from mailworker.cli import build, main
from mailworker.cli.console import plain, table, write_json
from mailworker.cli.local_stack.parent_death import main as tether
from mailworker.core.age_in_words import age
from mailworker.core.clock import utc_now
from mailworker.core.readable_size import readable_size
from mailworker.errors import BadInput

HEAVY = ("sqlalchemy", "weasyprint", "celery", "starlette", "mailworker.dispatch", "mailjet_rest")


def test_every_command_is_found_and_has_help_the_same_by_itself_as_among_all():
    commands = typer.main.get_command(build()).commands
    assert {"demo", "dev", "simulator", "send", "messages", "holds", "doctor", "templates"} <= set(commands)
    for name in commands:
        shown = CliRunner().invoke(build(), [name, "--help"])
        assert shown.exit_code == 0
        assert shown.output.count("\n") > 5
        alone = CliRunner().invoke(build(name), [name, "--help"])
        assert alone.output == shown.output


def test_the_help_loads_nothing_heavy():
    code = "import sys; from mailworker.cli import build; build(); print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert [name for name in HEAVY if name in loaded] == []


def test_the_version_is_told():
    shown = CliRunner().invoke(build(), ["--version"])
    assert shown.exit_code == 0
    assert shown.output.startswith("mailworker ")


def test_without_the_workers_packages_a_sentence_says_what_to_install(tmp_path):
    (tmp_path / "typer.py").write_text(
        "raise ModuleNotFoundError('No typer', name='typer')", encoding="utf-8"
    )
    code = "import sys; sys.path.insert(0, sys.argv.pop()); from mailworker.__main__ import main; main()"
    ran = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 2
    assert "pip install '.[worker,demo]' in a checkout" in ran.stderr
    assert "Traceback" not in ran.stderr


@pytest.fixture
def configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "crm_config.yaml"
    monkeypatch.setenv("CRM_CONFIG", str(file))
    monkeypatch.delenv("REDIS_URL", raising=False)
    monkeypatch.delenv("DATABASE_URL", raising=False)
    return file


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["mailworker", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code


def test_what_cannot_work_is_a_sentence_and_ends_with_2(configuration, monkeypatch, capsys):
    assert run(monkeypatch, "messages", "list") == 2
    told = capsys.readouterr().err
    assert "cannot be read" in told
    assert "CRM_CONFIG" in told
    assert "Traceback" not in told


@pytest.mark.parametrize("locale", ["ascii", "iso8859-1"])
def test_names_of_all_alphabets_are_printed_in_any_locale(monkeypatch, locale):
    out = io.BytesIO()
    monkeypatch.setattr(cli, "build", lambda *_: lambda: write_json({"name": "Zoé, Ελένη", "half": "\ud83d"}))
    monkeypatch.setattr(sys, "argv", ["mailworker", "messages", "list"])
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(out, encoding=locale))
    main()
    sys.stdout.flush()
    assert json.loads(out.getvalue().decode("utf-8")) == {"name": "Zoé, Ελένη", "half": "\ud83d"}


def test_what_a_crm_calls_an_invoice_steers_no_terminal(monkeypatch, capsys):
    def fails():
        raise BadInput("FA-\x1b]0;owned\x07\u202e7: several invoices\nare called so")

    monkeypatch.setattr(cli, "build", lambda *_: fails)
    assert run(monkeypatch, "invoice", "send", "7") == 2
    assert capsys.readouterr().err == "FA-]0;owned7: several invoices\nare called so\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["templates", "preview", "--folder", "{file}/x"],
            "{file}/x: cannot be read or written (Not a directory).",
        ),
        (
            ["messages", "list"],
            "The ledger {file}/y/x.db cannot be written (Not a directory)",
        ),
        (
            ["invoice", "render", "{invoice}", "-o", "{file}/x"],
            "{file}/x cannot be written: Not a directory.",
        ),
        (
            ["templates", "preview", "--data", "{file}/x"],
            "--data: {file}/x cannot be read (Not a directory).",
        ),
    ],
)
def test_a_place_that_cannot_be_written_is_named(
    arguments, said, configuration, monkeypatch, capsys, tmp_path
):
    """The tests may run as root, to whom no folder is read-only: a file is no folder for anybody."""
    configuration.write_text("mailjet: {api_key: x, api_secret: y}\n", encoding="utf-8")
    file = tmp_path / "file"
    file.touch()
    places = {"file": file, "invoice": Path("examples/invoices/facture.json").absolute()}
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{file}/y/x.db")
    assert run(monkeypatch, *(one.format(**places) for one in arguments)) in {1, 2}
    assert capsys.readouterr().err.startswith(said.format(**places))


def test_a_broken_configuration_tells_all_its_faults(configuration, monkeypatch, capsys):
    configuration.write_text("mailjet:\n  api_kei: x\n  api_secret: y\n", encoding="utf-8")
    assert run(monkeypatch, "holds", "list") == 2
    told = capsys.readouterr().err
    assert "crm_config.yaml:2: mailjet.api_kei is not a known key; did you mean 'api_key'?" in told
    assert "mailjet.api_key is missing" in told


def test_the_doctor_calls_a_broken_configuration_a_fault_with_1(configuration, monkeypatch, capsys):
    configuration.write_text("mailjet: [", encoding="utf-8")
    assert run(monkeypatch, "doctor") == 1
    assert "this is not YAML" in capsys.readouterr().out


def test_a_shell_s_odd_variables_are_told_at_once(configuration, monkeypatch, capsys):
    configuration.write_text("mailjet: {api_key: x, api_secret: y}\n", encoding="utf-8")
    code = run(
        monkeypatch,
        "send",
        "api_crmCommunicationUserPasswordReset",
        "a@example.com",
        "--var",
        "x",
        "--var",
        "y",
    )
    assert code == 2
    assert capsys.readouterr().err == "--var x: write it as name=value.\n--var y: write it as name=value.\n"


def test_the_tether_refuses_when_its_parent_is_gone(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["tether", "1" if sys.platform != "linux" else "999999999", "true"])
    monkeypatch.setattr(sys, "platform", "other")  # this process must not be tethered to anything
    with pytest.raises(SystemExit):
        tether()


def test_values_for_people_and_for_programs(capsys):
    assert [age(timedelta(seconds=s)) for s in (-1, 12, 130, 7300, 200_000)] == [
        "0 s",
        "12 s",
        "2 min",
        "2 h",
        "2 d",
    ]
    assert [readable_size(n) for n in (812, 61_234, 1_400_000)] == ["812 B", "61 kB", "1.4 MB"]
    assert plain(None) == ""
    write_json({"é": utc_now().replace(2026, 11, 30, 9, 0, 0, 0), "n": None})
    assert capsys.readouterr().out == '{\n  "é": "2026-11-30T09:00:00+00:00",\n  "n": null\n}\n'
    assert plain(utc_now()).endswith("Z")


@pytest.mark.parametrize("width", [60, 80, 120, 160, 220])
def test_a_table_fits_and_where_it_is_wide_nothing_of_it_is_lost(monkeypatch, width):
    id_, whom = (
        "24ec13ed-3b91-505d-a518-5242d93695ae",
        f"Boulangerie {'très ' * 12}<{'a' * 40}@lefevre.example>",
    )
    out = Console(width=width, record=True, file=io.StringIO())
    monkeypatch.setattr("mailworker.cli.console.console", lambda: out)
    out.print(
        table(
            ("id", "kind", "to", "#age", "why"), [(id_, "UserPasswordResetSuccess", whom, "18 s", "it was")]
        )
    )
    shown = out.export_text()
    assert all(len(line) <= width for line in shown.splitlines())
    if width >= 120:
        assert id_ in shown
        assert "UserPasswordResetSuccess" in shown
        assert "…" not in shown
        assert "it was" in shown
