"""`mailworker templates`: what is refused with which sentence, what ends with 1, what a push changes and puts back."""

import json
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from typer.testing import CliRunner

from mailworker.cli import build
from mailworker.cli.template_commands import push, replaced
from mailworker.cli.template_commands.check import TemplateFindings
from mailworker.cli.template_commands.push import PlannedPush, Pushed, as_yaml
from mailworker.cli.template_commands.replaced import keep_replaced, push_shown, read_replaced
from mailworker.cli.template_commands.write_ids import write_ids
from mailworker.config.settings import load_settings
from mailworker.errors import BadInput, Refused
from mailworker.templates.shipped_templates import MailTemplate
from tests.doubles import FakeBucket

OWN, WELCOME = "api_crmCommunicationContractSigned", "api_crmCommunicationCustomerWelcome"
BLOCK = {"from_email": "a@alize.example", "from_name": "Alizé", "template_id": 41, "subject": "S"}
MAILJET = {
    "api_key": "k", "api_secret": "s",
    OWN: BLOCK | {"variables": ["customer_name"], "languages": {"en": {"template_id": 43, "subject": "E"}}},
    WELCOME: BLOCK | {"template_id": 42},
}  # fmt: skip
MOMENT = datetime(2026, 11, 30, 9, 5, 7, tzinfo=UTC)


@pytest.fixture
def configured(monkeypatch, tmp_path):
    """Writes the configuration; a brand without a folder for own templates unless the test says so."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CRM_CONFIG", "crm_config.yaml")

    def write(**brand):
        document = {"mailjet": MAILJET, "brand": {"name": "Alizé"} | brand} if brand is not None else {}
        Path("crm_config.yaml").write_text(yaml.safe_dump(document), "utf-8")
        return load_settings()

    write()
    return write


def run(*arguments):
    ran = CliRunner().invoke(build(), ["templates", *arguments])
    fault = ran.exception if isinstance(ran.exception, BadInput) else None
    return ran.exit_code, str(fault) if fault else ran.output


# ---- new


@pytest.mark.parametrize(
    ("brand", "arguments", "sentence"),
    [
        (
            {"template_dir": "mails"},
            ["ContractSignd"],
            (
                "ContractSignd is no kind yet: give it a block under mailjet (docs/templates.md)"
                f"; did you mean '{OWN}'?"
            ),
        ),
        (
            {"template_dir": "mails"},
            ["Zzz"],
            "Zzz is no kind yet: give it a block under mailjet (docs/templates.md).",
        ),
        ({}, [OWN], "Set brand.template_dir first: the folder for your own templates."),
        (
            {"template_dir": "mails"},
            [OWN, "--language", "de"],
            "--language: a first template can be had in fr or en.",
        ),
    ],
)
def test_why_there_is_no_first_template(configured, brand, arguments, sentence):
    configured(**brand)
    assert run("new", *arguments) == (1, sentence)
    assert not Path("mails").exists()


def test_a_first_template_is_written_once_and_names_the_kinds_other_languages(configured):
    configured(template_dir="mails")
    assert run("new", "ContractSigned") == (
        0,
        (
            f"Written: mails/{OWN}.fr.html\nWritten: mails/{OWN}.fr.txt\n"
            f"Its block has en, too: mailworker templates new {OWN} --language en\n"
        ),
    )
    Path(f"mails/{OWN}.fr.html").unlink()
    assert run("new", OWN) == (1, f"mails/{OWN}.fr.txt is there already; change it, or move it away.")
    assert not Path(f"mails/{OWN}.fr.html").exists()
    code, said = run("new", OWN, "--language", "en")
    assert (code, "Its block" in said) == (0, False)


# ---- preview, test


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["CustomerWelcom"], f"There is no template of CustomerWelcom; did you mean '{WELCOME}'?"),
        (
            ["Zzz"],
            "There is no template of Zzz; `mailworker templates preview` shows all there are.",
        ),
        (
            ["--language", "xx"],
            "There is no template of xx; `mailworker templates preview` shows all there are.",
        ),
    ],
)
def test_a_preview_of_nothing_is_refused(configured, arguments, sentence):
    assert run("preview", *arguments, "--folder", "out") == (1, sentence)
    assert not Path("out").exists()


def test_a_preview_is_of_the_chosen_only_and_is_opened_where_asked(configured, monkeypatch):
    opened = []
    monkeypatch.setattr("typer.launch", opened.append)
    assert run("preview", WELCOME, "--language", "en", "--folder", "out") == (0, "Open out/index.html\n")
    assert sorted(path.name for path in Path("out").iterdir()) == [
        f"{WELCOME}.en.html",
        f"{WELCOME}.en.txt",
        "index.html",
    ]
    assert opened == []
    Path("crm_config.yaml").unlink()
    assert run("preview", WELCOME, "--folder", "ours", "--open")[0] == 0
    assert opened == [str(Path("ours/index.html").resolve())]
    page = Path("ours/index.html").read_text("utf-8")
    assert [f'src="{WELCOME}.{language}.html"' in page for language in ("fr", "en")] == [True, True]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ["CustomerWelcom"],
            f"There is no kind CustomerWelcom in the configuration; did you mean '{WELCOME}'?",
        ),
        (["Zzz"], "There is no kind Zzz in the configuration."),
        (
            [OWN, "--language", "de"],
            (
                f"--language: {OWN} has fr and en, and no de: `templates push --write` adds the languages that there "
                "are templates in; or give its block `languages: {de: ...}`."
            ),
        ),
    ],
)
def test_a_test_mail_of_what_the_configuration_lacks_is_refused(configured, arguments, sentence):
    assert run("test", *arguments, "--to", "you@example.com") == (1, sentence)


# ---- check


@pytest.mark.parametrize(
    ("here", "there", "code", "lines"),
    [
        (TemplateFindings(), TemplateFindings(["at Mailjet"]), 0, None),
        (TemplateFindings([], ["odd"]), None, 0, ["warning: odd"]),
        (TemplateFindings(["wrong"], ["odd"]), None, 1, ["warning: odd", "wrong"]),
        (TemplateFindings([], ["odd"]), TemplateFindings(["gone"], ["long"]), 1, ["warning: odd", "warning: long", "gone"]),
    ],
)  # fmt: skip
def test_faults_end_with_1_and_warnings_do_not(configured, monkeypatch, here, there, code, lines):
    check = "mailworker.cli.template_commands.check"
    asked = lines is not None and there is not None
    monkeypatch.setattr(f"{check}.check_library", lambda _: here)
    monkeypatch.setattr(f"{check}.check_mailjet", lambda _: there)
    well = "Every variable that a template uses comes with its kind, and ours are all escaped."
    expected = [*(lines or []), *([] if code else [well])]
    options = ["--mailjet"] if asked else []
    assert run("check", *options) == (code, "\n".join(expected) + "\n")
    ended, text = run("check", "--json", *options)
    found = json.loads(text)
    assert (ended, found["ok"]) == (code, not code)
    assert [*(f"warning: {one}" for one in found["warnings"]), *found["faults"]] == (lines or [])


def test_mailjets_templates_are_each_looked_at_once(configured):
    settings, asked = configured(), []

    def rest(call):
        asked.append(call.id)
        if call.id == 43:
            raise Refused("no such template", code="404")
        if call.id == 42:
            return {"Data": [{"Html-part": "{{var:nothing}}", "Text-part": "", "Headers": None}]}
        return {"Data": [{"Html-part": "<p>{{var:customer_name}}</p>", "Text-part": "{% broken", "Headers": {"Subject": "x"}}]}  # fmt: skip

    bucket = FakeBucket()
    from mailworker.cli.template_commands.check import check_mailjet  # noqa: PLC0415

    container = SimpleNamespace(settings=settings, bucket=bucket, gateway=SimpleNamespace(rest=rest))
    found = check_mailjet(container)
    assert sorted(asked) == [41, 42, 43]
    gone = f"Mailjet's template 43: is not there; correct template_id of {OWN}, or push ours."
    unknown = f"Mailjet's template 42: {WELCOME} has no variable nothing."
    assert {gone, unknown} <= set(found.faults)
    (broken,) = set(found.faults) - {gone, unknown}
    assert broken.startswith("Mailjet's template 41: ")
    assert broken.endswith(": correct and publish it in Mailjet's editor, or push ours.")
    assert (
        "Mailjet's template 42: has no text part; some readers, and spam filters, want one." in found.warnings
    )
    for code in ("401", "500"):
        container.gateway.rest = lambda _, code=code: (_ for _ in ()).throw(Refused("no", code=code))
        with pytest.raises(Refused):
            check_mailjet(container)


# ---- push and restore


def template(kind=WELCOME, language="fr", subject="Bonjour", html="<p>a</p>", text="a"):
    return MailTemplate(kind, language, subject, html, text, ())


@pytest.mark.parametrize(
    ("there", "what", "difference"),
    [
        (None, "created", []),
        (("Bonjour", "<p>a</p>", "a"), "unchanged", []),
        (
            ("Bonsoir", "<p>a</p>", "a"),
            "updated",
            ["--- subject at Mailjet", "+++ subject here", "@@ -1 +1 @@", "-Bonsoir", "+Bonjour"],
        ),
        (
            ("Bonjour", "<p>b</p>", "b"),
            "updated",
            [
                "--- HTML at Mailjet", "+++ HTML here", "@@ -1 +1 @@", "-<p>b</p>", "+<p>a</p>",
                "--- text at Mailjet", "+++ text here", "@@ -1 +1 @@", "-b", "+a",
            ],
        ),
    ],
)  # fmt: skip
def test_what_a_push_would_do(there, what, difference):
    planned = PlannedPush(template(), 7 if there else None, there)
    assert (planned.what, planned.difference()) == (what, difference)


@pytest.mark.parametrize(("lines", "more"), [(36, None), (37, 1), (57, 21)])
def test_of_a_long_difference_the_beginning_is_shown(lines, more):
    old = ("Bonjour", "\n".join(f"o{n}" for n in range(lines)), "a")
    shown = PlannedPush(template(html="n"), 7, old).difference()
    assert shown[:3] == ["--- HTML at Mailjet", "+++ HTML here", f"@@ -1,{lines} +1 @@"]
    assert len(shown) == (40 if more is None else 41)
    assert shown[-1] == ("+n" if more is None else f"... {more} more {'line' if more == 1 else 'lines'}")


class Mailjet:
    """Keeps templates by number."""

    def __init__(self, *rows):
        self.rows = {number: dict(row) for number, row in rows}
        self.names = {}
        self.calls = []

    def rest(self, call):
        self.calls.append((call.endpoint, call.method, call.id, call.data or call.filters))
        if call.endpoint == "template" and call.method == "GET":
            found = [number for number, name in self.names.items() if name == call.filters["Name"]]
            return {"Data": [{"ID": number} for number in found]}
        if call.endpoint == "template":
            number = 100 + len(self.names)
            self.names[number] = call.data["Name"]
            return {"Data": [{"ID": number}]}
        if call.method == "POST":
            self.rows[call.id] = call.data
            return {"Data": []}
        return {"Data": [self.rows.get(call.id, {})]}


def at_mailjet(mailjet):
    return SimpleNamespace(gateway=mailjet, bucket=FakeBucket())


def test_a_push_makes_what_is_new_changes_what_differs_and_leaves_the_rest(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(replaced, "utc_now", lambda: MOMENT)
    mailjet = Mailjet(
        (7, {"Headers": {"Subject": "Bonjour"}, "Html-part": "<p>a</p>", "Text-part": "a"}),
        (8, {"Headers": None, "Html-part": None, "Text-part": "old"}),
    )
    mailjet.names = {7: f"mailworker {WELCOME} fr", 8: f"mailworker {WELCOME} en"}
    container = at_mailjet(mailjet)
    templates = [template(), template(language="en"), template(kind=OWN, language="pt")]
    planned = push.compare(container, templates)
    assert [(one.id, one.what, one.there) for one in planned] == [
        (7, "unchanged", ("Bonjour", "<p>a</p>", "a")),
        (8, "updated", ("", "", "old")),
        (None, "created", None),
    ]
    assert {call[3]["OwnerType"] for call in mailjet.calls if call[0] == "template"} == {"apikey"}
    mailjet.calls.clear()
    assert push_shown(container, planned, tmp_path, dry_run=True, yes=False) is None
    assert mailjet.calls == []
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if not line.startswith("  ")] == [
        f"unchanged: mailworker {WELCOME} fr",
        f"would be updated: mailworker {WELCOME} en",
        f"would be created: mailworker {OWN} pt",
    ]
    assert "  --- text at Mailjet" in lines
    pushed = push_shown(container, planned, tmp_path, dry_run=False, yes=True)
    kept = tmp_path / "2026-11-30T09-05-07"
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if not line.startswith("  ")] == [
        f"differs: mailworker {WELCOME} en",
        f"unchanged: mailworker {WELCOME} fr",
        f"updated: mailworker {WELCOME} en",
        f"created: mailworker {OWN} pt",
        "",
        f"To put back what was at Mailjet: mailworker templates restore {kept}",
    ]
    content = {"Html-part": "<p>a</p>", "Text-part": "a", "Headers": {"Subject": "Bonjour"}}
    made = {
        "Name": f"mailworker {OWN} pt", "Locale": "pt_PT", "EditMode": 2, "IsTextPartGenerationEnabled": False,
        "Purposes": ["transactional"],
    }  # fmt: skip
    assert mailjet.calls == [
        ("template_detailcontent", "POST", 8, content),
        ("template", "POST", None, made),
        ("template_detailcontent", "POST", 102, content),
    ]
    assert pushed == [
        Pushed(WELCOME, "fr", "Bonjour", 7),
        Pushed(WELCOME, "en", "Bonjour", 8),
        Pushed(OWN, "pt", "Bonjour", 102),
    ]
    assert yaml.safe_load(as_yaml(pushed, "fr")) == {
        "mailjet": {
            WELCOME: {"template_id": 7, "languages": {"en": {"template_id": 8, "subject": "Bonjour"}}},
            OWN: {"languages": {"pt": {"template_id": 102, "subject": "Bonjour"}}},
        }
    }
    assert read_replaced(kept) == [template(language="en", subject="", html="", text="old")]


@pytest.mark.parametrize(("terminal", "yes", "asked"), [(True, False, 1), (True, True, 0), (False, False, 0)])
@pytest.mark.parametrize("what", ["updated", "created"])
def test_only_a_terminal_asks_and_only_before_a_change(monkeypatch, tmp_path, terminal, yes, asked, what):
    questions = []
    monkeypatch.setattr(replaced, "at_terminal", lambda: terminal)
    monkeypatch.setattr("typer.confirm", lambda text, *, abort: questions.append((text, abort)))
    planned = [PlannedPush(template(), *((7, ("x", "y", "z")) if what == "updated" else ()))]
    push_shown(at_mailjet(Mailjet()), planned, tmp_path, dry_run=False, yes=yes)
    expected = [("Change 1 template at Mailjet?", True)] * asked if what == "updated" else []
    assert questions == expected
    assert list(tmp_path.iterdir()) == ([] if what == "created" else list(tmp_path.glob("20*")))


def test_where_nothing_can_be_kept_nothing_is_replaced(tmp_path):
    (tmp_path / "file").touch()
    mailjet = Mailjet()
    planned = [PlannedPush(template(), 7, ("x", "y", "é"))]
    with pytest.raises(BadInput, match=r"/file/2026-\S+: cannot be written \(Not a directory\), so nothing was pushed"):  # fmt: skip
        keep_replaced(planned, tmp_path / "file", MOMENT)
    with pytest.raises(BadInput, match="Name another folder with --backup"):
        push_shown(at_mailjet(mailjet), planned, tmp_path / "file", dry_run=False, yes=True)
    assert mailjet.calls == []
    kept = keep_replaced(planned, tmp_path, MOMENT)
    assert "é" in (kept / f"{WELCOME}.fr.json").read_text("utf-8")
    assert read_replaced(kept) == [template(subject="x", html="y", text="é")]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "{folder}: has no replaced templates; `templates push` prints the folder."),
        (b"[", "{folder}/a.fr.json: is none of the files that `templates push` keeps."),
        (b"[]", "{folder}/a.fr.json: is none of the files that `templates push` keeps."),
        (b'{"subject": "x", "html": "y"}', "{folder}/a.fr.json: is none of the files that `templates push` keeps."),
        (b'{"subject": "\xff"}', "{folder}/a.fr.json: is none of the files that `templates push` keeps."),
    ],
)  # fmt: skip
def test_a_folder_that_no_push_wrote_puts_nothing_back(configured, tmp_path, content, sentence):
    folder = tmp_path / "kept"
    folder.mkdir()
    if content is not None:
        (folder / "a.fr.json").write_bytes(content)
    assert run("restore", str(folder)) == (1, sentence.format(folder=folder))


def test_customers_read_no_manuals_company(configured):
    Path("crm_config.yaml").write_text(yaml.safe_dump({"mailjet": MAILJET}), "utf-8")
    code, said = run("push")
    assert (code, said) == (
        1,
        (
            "Customers would read the manual's example company: set brand.name and what belongs to it "
            "(docs/templates.md), or invoice.seller, before templates go to Mailjet."
        ),
    )
    assert run("push", "--kind", "Zzz") == (
        1,
        "--kind Zzz: there is no template for it. `mailworker templates new Zzz` writes a first one.",
    )


def test_ids_are_written_all_at_once_and_the_files_rights_stay(tmp_path):
    path = tmp_path / "crm_config.yaml"
    path.write_text(yaml.safe_dump({"mailjet": MAILJET}), "utf-8")
    path.chmod(0o640)
    pushed = [Pushed(WELCOME, "fr", "S", 700)]
    assert write_ids(path, pushed, "fr") == [f"mailjet.{WELCOME}.template_id: 42 -> 700"]
    assert path.stat().st_mode & 0o777 == 0o640
    assert yaml.safe_load(path.read_text("utf-8"))["mailjet"][WELCOME]["template_id"] == 700
    assert write_ids(path, pushed, "fr") == []
    assert [one.name for one in tmp_path.iterdir()] == ["crm_config.yaml"]
