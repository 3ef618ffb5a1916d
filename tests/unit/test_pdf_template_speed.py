"""What is kept from one page of an operator's template to the next changes none of its bytes."""

from pathlib import Path
from typing import Any

import pytest

from mailworker.config.invoice import InvoiceSettings
from mailworker.invoices.json_to_pdf import InvoicePrinter
from mailworker.invoices.weasyprint import faster_layout
from tests.unit.test_invoice_reading import MINIMAL

pytestmark = pytest.mark.usefixtures("frozen_garbage")

BODY = """<h1 id="top">Facture {{ invoice_number }}</h1><p class=a>{{ client.name }}<p>Deux <b>mots</b> <i>encore</i>
<ul><li>un<li lang=en>deux<li style="color: {{ colour }}; text-align: right">trois</ul>
<table><thead><tr><th>Désignation<th>Montant</tr></thead>{% for t in transactions %}
<tr><td>{{ t.description }}<td>{{ t.amount }}</tr>{% endfor %}</table>
<div class=row><span>à gauche</span><span>à droite</span></div><a href="#top">haut</a> <a name=x>x</a>
<p class=note>{{ "Un texte assez long pour aller à la ligne, deux fois peut-être. " * 4 }}</p>"""

#: One stylesheet for each way in which a style, a length or a text may depend on something else.
SHEETS = {
    "none": "",
    "collapsed table": "table { border-collapse: collapse; width: 100% } td, th { border: 1px solid #ccc; padding: 2mm }",
    "border box": "* { box-sizing: border-box } td { padding: 4px; width: 50%; border: 2px solid red }",
    "flex and grid": ".row { display: flex; justify-content: space-between } ul { display: grid; grid-template-columns: 1fr 1fr }",
    "position": "tr:nth-child(even) td { background: #eee } li + li { color: green } p:first-of-type, li:last-child { font-weight: bold } td:empty { border: 1px solid }",
    "justified": "p { text-align: justify; width: 60mm }",
    "justified by a variable": ":root { --how: justify } p { text-align: var(--how); width: 60mm }",
    "cut short": "p { width: 30mm; overflow: hidden; white-space: nowrap; text-overflow: ellipsis }",
    "clamped": ".note { width: 50mm; max-lines: 2; block-ellipsis: auto; continue: discard }",
    "of the page's size": "h1 { font-size: 4vw; margin-left: 5vh }",
    "generated": "li::before { content: counter(n) '. '; counter-increment: n } h1::after { content: attr(id) } a::after { content: target-counter(attr(href), page) }",
    "first letter and line": "p::first-letter { font-size: 3em; float: left } p::first-line { color: blue }",
    "pages": "@page { size: A5; margin: 1cm; @bottom-right { content: counter(page) '/' counter(pages) } } @page :first { margin-top: 3cm } h1 { string-set: t content() } @page { @top-left { content: string(t) } }",
    "named pages": "table { page: wide } @page wide { size: A4 landscape }",
    "own fonts": "@font-face { font-family: x; src: url(sans-bold.ttf) } p { font-family: x; font-variant-numeric: tabular-nums }",
    "layers and media": "@layer a, b; @layer b { p { color: red } } @layer a { p { color: blue } } @media screen { p { display: none } }",
    "percentages": "p { margin: 2%; padding: 1% 3%; max-width: 80%; min-height: 5% } table { width: 70% }",
    "calculated": "p { width: calc(50% + 2cm); margin-left: calc(1cm - 2mm) }",
    "floats and columns": "ul { float: right; width: 4cm } .note { columns: 3; hyphens: auto }",
    "spacing": "p { letter-spacing: 1px; word-spacing: 3px; text-decoration: underline; text-indent: 1cm; text-transform: uppercase }",
    "counter style": "@counter-style s { system: cyclic; symbols: '*' '+' } ul { list-style: s inside }",
}  # fmt: skip
WORDS = ["Forfait", "Fibre 2 Gbit/s", "عربي", "Ελληνικά", "a" * 40, "Option"]


def invoice(seed: int) -> dict[str, Any]:
    lines = [{"description": f"{WORDS[(seed + n) % 6]} {n}", "amount": f"{n * seed}.00"} for n in range(1, 8)]
    net = sum(n * seed for n in range(1, 8))
    names = {"invoice_number": f"FA-{seed}", "client": {"name": WORDS[seed % 6]}, "colour": f"#{seed:06x}"}
    return MINIMAL | {"total_amount": net, "total_tax": 0, "transactions": lines} | names


def printer(folder: Path, sheet: str) -> InvoicePrinter:
    source = f"<html lang=fr><head><style>{sheet}</style></head><body>{BODY}</body></html>"
    (folder / "mine.html").write_text(source, "utf-8")
    chosen = {"template_dir": folder, "template_filename": "mine.html"}
    return InvoicePrinter(InvoiceSettings.model_validate(chosen))


@pytest.mark.parametrize("name", SHEETS)
def test_no_byte_is_other_than_weasyprints_own(tmp_path: Path, name: str) -> None:
    one = printer(tmp_path, SHEETS[name])
    first, other, again = (one.print(invoice(seed), language="fr").sha256 for seed in (1, 2, 1))
    plain = InvoicePrinter(one.settings)
    faster_layout.uninstall()
    try:
        slow = [plain.print(invoice(seed), language="fr").sha256 for seed in (1, 2)]
    finally:
        faster_layout.install()
    assert [first, other] == slow
    assert again == first


def test_two_templates_may_give_one_name_to_two_fonts(tmp_path: Path) -> None:
    one = printer(tmp_path, "@font-face { font-family: x; src: url(sans-bold.ttf) } p { font-family: x }")
    bold = one.print(invoice(1), language="fr").sha256
    other = (tmp_path / "mine.html").read_text("utf-8").replace("sans-bold", "mono-regular")
    (tmp_path / "mine.html").write_text(other, "utf-8")
    assert one.print(invoice(1), language="fr").sha256 != bold


def test_what_a_stylesheet_asks_for_in_vain_is_told_each_time(tmp_path: Path) -> None:
    one = printer(tmp_path, "@import url(https://fonts.example/x.css); p { color: red }")
    faults = [one.print(invoice(seed), language="fr").warnings for seed in (1, 2)]
    assert faults[0] == faults[1] != ()
