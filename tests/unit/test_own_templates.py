"""An operator's brand and own templates: in the library, in previews, at Mailjet, and in the configuration file."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from mailworker.cli import build
from mailworker.cli.template_commands.check import unwise, way_out_faults
from mailworker.cli.template_commands.push import Pushed
from mailworker.cli.template_commands.write_ids import with_ids
from mailworker.config.brand import CONTRAST, contrast_with_white
from mailworker.config.settings import load_settings
from mailworker.core.kind import Kind
from mailworker.errors import BadInput, ConfigError
from mailworker.simulator.settings import SimulatorSettings
from mailworker.simulator.settings_from_config import template_uses
from mailworker.simulator.template_store import TemplateStore
from mailworker.templates.language.render import TemplateContact, render
from mailworker.templates.template_library import template_library

OWN = "api_crmCommunicationContractSigned"
WELCOME = "api_crmCommunicationCustomerWelcome"
BRAND = {
    "name": "Alizé & Fils",
    "legal": "SAS au capital de 250 000 €, RCS Marseille 123 456 824",
    "address": "8 quai des Cordages, 13002 Marseille",
    "support_email": "aide@alize.example",
    "support_phone": "04 91 00 00 00",
    "legal_url": "https://alize.example/mentions",
    "privacy_url": "https://alize.example/donnees",
    "colour": "#8a1c4a",
}


@pytest.fixture
def configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    block = {
        "from_email": "a@alize.example",
        "from_name": "Alizé",
        "template_id": 41,
        "subject": "Votre contrat",
    }
    data = {
        "mailjet": {
            "api_key": "k",
            "api_secret": "s",
            OWN: block | {"variables": ["customer_name", {"name": "contract_url", "type": "url"}]},
            WELCOME: block | {"template_id": 42},
        },
        "brand": BRAND | {"template_dir": str(tmp_path / "mails")},
    }
    file = tmp_path / "crm_config.yaml"
    file.write_text(yaml.safe_dump(data, allow_unicode=True), encoding="utf-8")
    monkeypatch.setenv("CRM_CONFIG", str(file))
    monkeypatch.chdir(tmp_path)
    return file


def run(*arguments: str):
    return CliRunner().invoke(build(), ["templates", *arguments])


def test_the_brand_stands_in_every_template_and_nothing_of_the_manuals(configured):
    library = template_library(load_settings())
    for name in library.names():
        template = library.template(*name)
        assert "Votre Entreprise" not in template.html + template.text
        assert "Alizé &amp; Fils" in template.html
        assert "RCS Marseille 123 456 824" in template.text
        assert 'href="https://alize.example/donnees"' in template.html
        assert "#8a1c4a" in template.html


def test_what_a_brand_leaves_out_comes_from_the_seller_and_is_never_an_empty_line(configured):
    text = configured.read_text("utf-8")
    data = yaml.safe_load(text)
    data["brand"], data["invoice"] = (
        {"support_phone": "3900"},
        {"seller": {"name": "Alizé SAS", "email": "f@alize.example"}},
    )
    configured.write_text(yaml.safe_dump(data, allow_unicode=True), encoding="utf-8")
    template = template_library(load_settings()).template(WELCOME, "fr")
    assert "Alizé SAS | f@alize.example | 3900" in template.text
    assert "<br><br>" not in template.html
    assert "\n\n\n" not in template.text.split("____")[1]


@pytest.mark.parametrize(
    ("colour", "readable"),
    [("#0b4f8a", True), ("#ffee00", False), ("#000000", True), ("#767676", True), ("#777777", False)],
)
def test_a_colour_has_to_carry_white_text(configured, colour, readable):
    assert (contrast_with_white(colour) >= CONTRAST) is readable
    configured.write_text(configured.read_text("utf-8").replace("#8a1c4a", colour), encoding="utf-8")
    if readable:
        load_settings()
    else:
        with pytest.raises(ConfigError, match="too light for white text"):
            load_settings()


def test_a_kind_of_ones_own_from_a_starter_to_the_preview(configured):
    assert "Written:" in run("new", OWN).output
    assert "is there already" in str(run("new", OWN).exception)
    library = template_library(load_settings())
    assert (OWN, "fr") in library.names()
    values = {"customer_name": "<b>Ada</b>", "contract_url": "https://alize.example/c"}
    mail = library.template(OWN, "fr")
    html = render(mail.html, values, contact=TemplateContact("a@b.example", "Ada", 1))
    assert "&lt;b&gt;Ada" in html
    assert 'href="https://alize.example/c"' in html, "a link can be followed"
    assert "customer_name\u00a0: {{var:customer_name}}" in mail.text
    own = Path("values.json")
    own.write_text(json.dumps({"customer_name": "Grace"}), encoding="utf-8")
    assert run("preview", OWN, "--data", str(own), "--folder", "out").exit_code == 0
    assert "Grace" in Path("out", f"{OWN}.fr.html").read_text("utf-8")
    assert template_uses(load_settings())[41].kind == OWN, "the local Mailjet shows it"
    assert run("check").exit_code == 0, run("check").output


def test_files_that_no_mail_uses_and_files_that_say_nothing_are_named(configured):
    run("new", OWN)
    for name in (
        "README.txt",
        "api_crmCommunicationCustomerWelcome.en.html",
        "api_crmCommunicationCustomerWelcome.en.txt",
    ):
        Path("mails", name).write_text("<p>x</p>", encoding="utf-8")
    assert run("check").exit_code == 0, "all of these are well"
    assert "warning" not in run("check").output
    for ending in ("html", "txt"):
        Path("mails", f"{OWN}x.fr.{ending}").write_text("x", encoding="utf-8")
    given = run("check")
    assert given.exit_code == 0
    for ending in ("html", "txt"):
        assert f"warning: {OWN}x.fr.{ending}: no mail uses it" in given.output
    assert f"did you mean '{OWN}.fr'?" in given.output
    Path("mails", f"{OWN}.fr.txt").write_text(" \n", encoding="utf-8")
    given = run("check")
    assert (given.exit_code, f"{OWN}.fr.txt: is empty; the mail would say nothing." in given.output) == (
        1,
        True,
    )


def test_a_file_where_the_folder_should_be_is_a_fault(configured):
    assert run("check").exit_code == 0, "a folder that is not there yet is none"
    Path("mails").write_text("x", encoding="utf-8")
    given = run("check")
    assert (given.exit_code, "mails is a file; name the folder" in given.output) == (1, True)


def test_a_test_mail_in_a_language_that_the_kind_lacks_is_refused(configured):
    refused = run("test", OWN, "--to", "you@alize.example", "--language", "de").exception
    assert str(refused).startswith(f"--language: {OWN} has fr, and no de: `templates push --write`")
    assert "`languages: {de: ...}`" in str(refused)


def test_a_template_that_is_written_later_is_shown_by_a_local_mailjet_that_runs(configured):
    store = TemplateStore(SimulatorSettings(templates=template_uses(load_settings())))
    assert "is not configured" in store.content(41).text
    assert 41 not in store.table.rows
    run("new", OWN)
    assert "<h1" in store.content(41).html
    store.remove(41)
    assert store.content(41).html is None


def test_a_local_mailjet_takes_a_broken_template_as_mailjet_does_and_shows_what_is_missing(configured):
    store = TemplateStore(SimulatorSettings(templates=template_uses(load_settings())))
    run("new", OWN)
    broken = Path("mails", f"{OWN}.fr.html")
    broken.write_text("<h1>{% if var:x %}</h1>", encoding="utf-8")
    assert store.content(41).html == "<h1>{% if var:x %}</h1>"
    assert store.error(41) is None
    Path("mails", f"{OWN}.fr.txt").unlink()
    assert f"{OWN}.fr.txt: is not in brand.template_dir" in store.content(41).text
    broken.unlink()
    assert "is not configured" in store.content(41).text


def test_a_change_of_a_file_shows_at_once_and_a_missing_half_is_a_sentence(configured):
    run("new", OWN)
    library = template_library(load_settings())
    file = Path("mails", f"{OWN}.fr.html")
    file.write_text("<h1>Neu</h1>", encoding="utf-8")
    assert "Neu" in library.template(OWN, "fr").html
    Path("mails", f"{OWN}.fr.txt").unlink()
    with pytest.raises(BadInput, match=r"is not in brand\.template_dir"):
        library.template(OWN, "fr")


def test_an_unescaped_variable_in_ones_own_template_is_a_fault(configured):
    run("new", OWN)
    Path("mails", f"{OWN}.fr.html").write_text("<p>{{var:customer_name}}</p>", encoding="utf-8")
    shown = run("check")
    assert shown.exit_code == 1
    assert "Escape" in shown.output


FILE = f"""\
# what OmniCRM needs
database: {{host: db}}   # theirs
mailjet:
  api_key: "k"           # quoted
  {WELCOME}:
    template_id: 1       # the manual's
    subject: 'Bonjour'
"""


def test_ids_are_written_and_every_comment_stays():
    pushed = [
        Pushed(WELCOME, "fr", "s", 700),
        Pushed(WELCOME, "en", "Hello", 701),
        Pushed("api_crmCommunicationElsewhere", "fr", "s", 9),
    ]
    text, changes = with_ids(FILE, pushed, "fr")
    assert [change.rpartition(".")[2] for change in changes] == ["template_id: 1 -> 700", "template_id: 701"]
    for kept in ("# what OmniCRM needs", "# theirs", '"k"           # quoted', "# the manual's", "'Bonjour'"):
        assert kept in text
    block = yaml.safe_load(text)["mailjet"][WELCOME]
    assert block["template_id"] == 700
    assert block["languages"]["en"] == {"subject": "Hello", "template_id": 701}
    assert with_ids(text, pushed, "fr") == (text, [])
    with pytest.raises(BadInput, match="no mailjet: section"):
        with_ids("a: [", pushed, "fr")


MARKETING = Kind("api_crmCommunicationNews", (), service=False)
SERVICE = Kind("api_crmCommunicationNotice", ())


@pytest.mark.parametrize(
    ("kind", "html", "says"),
    [
        (MARKETING, "<p>Offre</p>", "show a link to unsubscribe"),
        (MARKETING, '<a href="{{mj:unsub_link_fr}}">x</a>', None),
        (SERVICE, '<a href="{{mj:unsub_link}}">x</a>', "drop its link"),
        (SERVICE, "<p>x</p>", None),
        (replace(SERVICE, optional=True), '<a href="{{mj:unsub_link}}">x</a>', None),
    ],
)
def test_a_link_to_unsubscribe_stands_where_it_belongs(kind, html, says):
    faults = way_out_faults("T", html, kind)
    assert (says in faults[0]) if says else faults == []


@pytest.mark.parametrize(
    ("html", "text", "says"),
    [
        ("<p>x</p>", "", "no text part"),
        ("<p>" + "x" * 102_000 + "</p>", "x", "Gmail cuts"),
        ('<a href="http://example.com/a">x</a>', "x", "http://example.com/a is no https link"),
        ('<a href="{{var:pay_url}}">x</a><img src="https://example.com/a.png">', "x", None),
    ],
)
def test_what_harms_a_mail_is_warned_of(html, text, says):
    warnings = unwise("T", html, text)
    assert (says in warnings[0]) if says else warnings == []


@pytest.mark.parametrize("broken", ["<h1>{% if var:x %}</h1>", "{% endfor %}"])
def test_a_broken_template_is_named_on_one_line_with_what_it_means(configured, broken):
    run("new", OWN)
    Path("mails", f"{OWN}.fr.html").write_text(broken, encoding="utf-8")
    (fault,) = [one for one in run("check").output.splitlines() if OWN in one]
    assert fault.startswith(f"the template of {OWN} (fr): not valid template ## near ## ")
    assert fault.endswith(": a statement is not closed, not opened, or unknown.")
    assert str(run("preview").exception) == fault
