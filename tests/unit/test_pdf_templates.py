"""The operator's own templates: OmniCRM's names, their faults, and what they may not do."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jinja2 import Environment
from PIL import Image

from mailworker.config.invoice import InvoiceSettings
from mailworker.errors import Misconfigured, RenderFailed
from mailworker.invoices.jinja_sandbox import TemplateFiles
from mailworker.invoices.json_to_pdf import InvoicePrinter
from mailworker.invoices.render_process.result import RenderedInvoice
from tests.unit.test_invoice_reading import MINIMAL
from tests.unit.test_pdf_pages import read, text

pytestmark = pytest.mark.usefixtures("frozen_garbage")

Render = Callable[..., RenderedInvoice]

#: A template as OmniCRM documents them, with what people put into such files.
OMNICRM = """<!DOCTYPE html>
<html><head><meta charset="utf-8"><style>
@page { size: A4; margin: 2cm } body { font-family: Arial, sans-serif } .row { display: flex }
table { width: 100%; border-collapse: collapse } td { border: 1px solid #ccc }
</style></head><body>
<div class=row><img src="logo.png" width=120><h1>Invoice {{ invoice_number }}</h1></div>
<p>{{ client.name }}<br>{{ date.split('T')[0] }} – {{ due_date }} ({{ start_date }} / {{ end_date }})</p>
<table>{% for t in transactions %}
<tr><td>{{ t.description }}<td>{{ "%.2f"|format(t.amount) }}<td>{{ t.tax_rate }} %</tr>{% endfor %}
</table>
{% if client.phone %}<p>{{ client.phone }}</p>{% endif %}
<p>Total {{ "%.2f"|format(total_amount) }} + {{ "%.2f"|format(total_tax) }}
= {{ "%.2f"|format(total_amount + total_tax) }}</p>
</body></html>"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    Image.new("RGB", (60, 20), "navy").save(tmp_path / "logo.png")
    return tmp_path


@pytest.fixture
def render(folder: Path) -> Render:
    def with_template(source: str, invoice: dict[str, Any] | None = None, **settings: Any) -> RenderedInvoice:
        (folder / "mine.html").write_text(source, "utf-8")
        chosen = {"template_dir": folder, "template_filename": "mine.html"} | settings
        return InvoicePrinter(InvoiceSettings.model_validate(chosen)).print(invoice or MINIMAL, language="fr")

    return with_template


def test_omnicrms_template_runs_as_it_is(render: Render) -> None:
    lines = [{"description": "Forfait <Pro>", "amount": 100.0, "tax_rate": 20}]
    made = render(OMNICRM, MINIMAL | {"transactions": lines, "total_amount": 100.0, "total_tax": 20.0})
    given = text(made.pdf)
    for expected in ("Invoice INV-2026-001234", "Camille Durand", "2026-01-10", "Forfait <Pro> 100.00 20 %"):
        assert expected in given
    assert "Total 100.00 + 20.00 = 120.00" in given
    assert len(read(made.pdf).pages[0].images) == 1


def test_the_same_bytes_from_a_users_template_too(render: Render) -> None:
    source = "<style>@font-face{font-family:x;src:url(sans-bold.ttf)} p{font-family:x}</style><p>{{ invoice_number }}"
    assert render(source).sha256 == render(source).sha256


@pytest.mark.parametrize(
    ("source", "faults"),
    [
        ("<p>\n{{ payment_reference }}", "mine.html, line 2: 'payment_reference' is undefined"),
        ("<p>{{ client.phone }}", "mine.html, line 1: 'dict object' has no attribute 'phone'"),
        ("{% for x in items_sold %}{% endfor %}", "mine.html, line 1: 'items_sold' is undefined"),
        ("", "mine.html writes nothing: the page would be blank."),
        ("{% if false %}<p>x</p>{% endif %} \n", "mine.html writes nothing: the page would be blank."),
        ("{{ '%.2f'|format('x') }}", r"mine.html, line 1: a value does not fit its use \(TypeError\)"),
        ("{{ ''.__class__.__mro__ }}", "does what templates may not do"),
        ("{{ transactions.append(1) }}", "is undefined|may not do"),
        ("{% for i in range(99999999) %}x{% endfor %}", "does not fit its use"),
        ("{% for i in range(9999) %}{% for j in range(9999) %}xxxxxxxx{% endfor %}{% endfor %}", "does it loop for ever"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_a_template_is_named_with_its_line(render: Render, source: str, faults: str) -> None:
    with pytest.raises(RenderFailed, match=faults):
        render(source, limits={"html_bytes": 1024 * 1024})


def test_a_template_may_ask_whether_a_name_is_there(render: Render) -> None:
    source = "{% if phone %}A{% endif %}{{ phone|default('B') }}{% if phone is defined %}C{% endif %}"
    assert text(render(source).pdf) == "B"


HOSTILE = [
    "</b><img src='file:///etc/hostname'>",
    '"><link rel=attachment href="file:///etc/hostname">',
    "{{ ''.__class__ }}{% include '/etc/hostname' %}",
    "<style>@import url(http://127.0.0.1:9/x.css);</style>",
    "]]><script>alert(1)</script>",
]


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("ours", [True, False], ids=["our template", "theirs"])
def test_a_hostile_name_is_only_a_name(render: Render, name: str, ours: bool) -> None:
    invoice = MINIMAL | {"client": {"name": name}, "notes": [name]}
    if ours:
        made = InvoicePrinter(InvoiceSettings()).print(invoice, language="fr")
    else:
        made = render("<p>{{ client.name }}</p>", invoice)
    assert "".join(name.split()) in "".join(text(made.pdf).split())
    assert read(made.pdf).attachments == {}
    assert made.warnings == ()


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:9/logo.png",
        "https://example.org/logo.png",
        "ftp://example.org/logo.png",
        "file:///etc/hostname",
        "FILE:/etc/hostname",
        "//example.org/logo.png",
        "gopher://x",
        "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg'/>",
        "data:image/png,<svg xmlns='http://www.w3.org/2000/svg'/>",
        "data:text/html,x",
    ],
)
def test_nothing_is_fetched_from_outside(render: Render, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    every_way = """
        <link rel=attachment href="{{ client.logo }}"><link rel=stylesheet href="{{ client.logo }}">
        <style>p { background: url('{{ client.logo }}') } @import '{{ client.logo }}';</style>
        <img src="{{ client.logo }}"><object data="{{ client.logo }}"></object><p>x</p>
        <svg xmlns:l="http://www.w3.org/1999/xlink"><image l:href="{{ client.logo }}" width=9 height=9></svg>"""
    monkeypatch.setattr("socket.socket.connect", lambda *_: pytest.fail("a connection was tried"))
    made = render(every_way, MINIMAL | {"client": {"name": "A", "logo": url}})
    assert text(made.pdf) == "x"
    assert read(made.pdf).attachments == {}


def test_a_template_in_another_encoding_is_named(render: Render, folder: Path) -> None:
    render("<p>x</p>")
    (folder / "latin.html").write_bytes("<p>Télécom</p>".encode("latin-1"))
    with pytest.raises(Misconfigured, match=r"template latin\.html: the file is not UTF-8 text; save it"):
        render("<p>x</p>", template_filename="latin.html")


@pytest.mark.parametrize(
    ("source", "faults"),
    [
        ("{% include 'other.html' %}", "mine.html, line 1: other.html is not in invoice.template_dir"),
        ("{% include '../secret.html' %}", "is not in invoice.template_dir"),
        ("<img src=nothing.png>", "asks for nothing.png, which is in none of its folders; put it into"),
        ("<link rel=stylesheet href=none.css>x", "asks for none.css, which is in none of its folders"),
        ("<img src='../../../etc/hostname'>", "asks for etc/hostname, which is in none of its folders"),
        ("<img src=broken.png>", "broken.png of the invoice template is no readable picture"),
    ],
)
def test_a_file_that_the_template_asks_for_is_the_operators_to_mend(
    render: Render, folder: Path, source: str, faults: str
) -> None:
    (folder / "broken.png").write_bytes(b"no picture")
    with pytest.raises(Misconfigured, match=faults):
        render(source)


def test_a_broken_picture_in_the_page_itself_fails_its_invoice_whatever_else_is_missing(
    render: Render,
) -> None:
    with pytest.raises(RenderFailed, match=r"inside the template .* none\.png"):
        render("<img src='data:image/png;base64,iVBORw0KGgo='><img src=none.png>")


def test_a_file_that_no_invoice_can_be_written_with_is_the_operators_to_mend(
    render: Render, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So invoices wait for that, and none fails for good."""
    with pytest.raises(Misconfigured, match=r"mine\.html, line 3: Expected an expression"):
        render("a\nb\n{% if %}")
    with pytest.raises(Misconfigured, match=r"absent\.html is not in invoice\.template_dir, nor one of ours"):
        render("<p>x</p>", template_filename="absent.html")
    refuse(monkeypatch, "mine.html")
    with pytest.raises(
        Misconfigured, match=r"mine\.html: the file cannot be read \(Permission denied\); let"
    ):
        render("<p>x</p>")


def refuse(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """This template may not be read."""
    source = TemplateFiles.get_source

    def refusing(self: TemplateFiles, environment: Environment, template: str) -> object:
        if template == name:
            raise PermissionError(13, "Permission denied")
        return source(self, environment, template)

    monkeypatch.setattr(TemplateFiles, "get_source", refusing)


@pytest.mark.parametrize(
    ("part", "fault"),
    [
        (b"{% if %}", r"part\.html, line 1: Expected an expression"),
        (b"T\xe9l\xe9com", r"mine\.html, line 2: the file is not UTF-8 text; save it as UTF-8"),
        (None, r"mine\.html, line 2: part\.html is not in invoice\.template_dir, nor one of ours"),
        (b"not for us", r"mine\.html, line 2: the file cannot be read \(Permission denied\); let this user"),
    ],
)
@pytest.mark.parametrize("use", ["{% include 'part.html' %}", "{% extends 'part.html' %}"])
def test_a_part_that_no_invoice_can_be_written_with_is_the_operators_to_mend(
    render: Render, folder: Path, monkeypatch: pytest.MonkeyPatch, use: str, part: bytes | None, fault: str
) -> None:
    if part is not None:
        (folder / "part.html").write_bytes(part)
    if part == b"not for us":
        refuse(monkeypatch, "part.html")
    with pytest.raises(Misconfigured, match=fault):
        render("\n" + use)


def test_what_was_left_out_is_told(render: Render) -> None:
    made = render('<img src="https://example.org/logo.png">')
    assert made.warnings == ("1 picture or file from outside was left out: put it into invoice.assets.",)


def test_a_link_out_of_the_folder_leads_nowhere(render: Render, folder: Path, tmp_path_factory: Any) -> None:
    outside = tmp_path_factory.mktemp("outside") / "secret.png"
    Image.new("RGB", (9, 9)).save(outside)
    (folder / "link.png").symlink_to(outside)
    with pytest.raises(Misconfigured, match=r"asks for link\.png"):
        render("<img src=link.png>")


def test_a_failed_picture_does_not_fail_the_next_invoice(folder: Path) -> None:
    (folder / "mine.html").write_text("<img src='{{ client.logo }}'>", encoding="utf-8")
    printer = InvoicePrinter(InvoiceSettings(template_dir=folder, template_filename="mine.html"))
    for logo, pictures in (("http://x.example/", 0), ("logo.png", 1), ("logo.png", 1)):
        made = printer.print(MINIMAL | {"client": {"name": "A", "logo": logo}}, language="fr")
        assert len(read(made.pdf).pages[0].images) == pictures
