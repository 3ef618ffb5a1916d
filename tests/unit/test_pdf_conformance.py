"""Another's checker finds nothing in files that say they are PDF/A-3."""

from pathlib import Path

import pytest
from PIL import Image

from mailworker.config.invoice import InvoiceSettings
from mailworker.errors import BadInput
from mailworker.invoices.json_to_pdf import InvoicePrinter
from tests import preflight
from tests.hostile_invoices import HOSTILE
from tests.unit.test_invoice_reading import invoice, line
from tests.unit.test_pdf_facturx import B2B
from tests.unit.test_pdf_pages import SELLER, example

pytestmark = [
    pytest.mark.usefixtures("frozen_garbage"),
    pytest.mark.skipif(not preflight.is_here(), reason="libpdfbox2-java and a Java are not installed"),
    pytest.mark.filterwarnings("ignore:unclosed file.*sRGB2014:ResourceWarning"),
]
EXAMPLES = ("facture", "facture-detail", "avoir", "invoice-reverse-charge")
#: What operators put into templates.
BODIES = {
    "a picture with transparency": "<img src=half.png alt=x>",
    "a picture in CMYK": "<img src=inks.jpg alt=x>",
    "a picture as background": "<p style='background: url(half.png)'>x",
    "a gradient": "<p style='background: linear-gradient(red, rgba(0, 0, 255, .3))'>x",
    "opacity": "<p style='opacity: .4; background: #0b4f6c'>x",
    "a shadow and round corners": "<p style='box-shadow: 2px 2px 6px #0008; border-radius: 9px'>x",
    "an SVG": "<svg width=40 height=40><circle cx=20 cy=20 r=18 fill=teal fill-opacity=.5 /></svg>",
    "another font": "<p style='font-family: DejaVu Serif; font-style: italic'>Élan fi ffl 1 234,50 €",
    "a link": "<a href=https://portail.example/>x</a>",
    "a colour in CMYK": "<p style='color: device-cmyk(10% 20% 30% 40%)'>x",
    "a letter without a font": "<p>\U0001f9ff\ue123",
}


def test_our_own_page(tmp_path: Path) -> None:
    Image.new("RGBA", (90, 30), (11, 79, 108, 200)).save(tmp_path / "logo.png")
    chosen = {"assets": tmp_path, "seller": SELLER, "e_invoice": "factur-x"}
    pdfs: dict[str, bytes] = {}
    for accessible in (False, True):
        printer = InvoicePrinter(InvoiceSettings.model_validate(chosen | {"accessible": accessible}))
        for name, raw in ({one: example(one) for one in EXAMPLES} | HOSTILE).items():
            if name == "five hundred lines" and not accessible:
                continue  # dear, and its tags are what it may break
            try:
                made = printer.print(raw, language="fr")
            except BadInput:
                continue  # no e-invoice can be made of it
            if not any("not labelled" in warning for warning in made.warnings):
                pdfs[f"{name}, accessible: {accessible}"] = made.pdf
    assert len(pdfs) > 35
    assert {name: found for name, found in preflight.faults(pdfs, tmp_path).items() if found} == {}


def test_operators_templates_and_a_plain_page_in_which_the_checker_finds_a_fault(tmp_path: Path) -> None:
    Image.new("RGBA", (60, 20), (0, 0, 128, 90)).save(tmp_path / "half.png")
    Image.new("CMYK", (60, 20), (200, 10, 10, 0)).save(tmp_path / "inks.jpg")
    pdfs, unlabelled = {}, set()
    for name, body in BODIES.items():
        (tmp_path / "mine.html").write_text(f"<html lang=fr><title>x</title><body>{body}", "utf-8")
        chosen = {"template_dir": tmp_path, "template_filename": "mine.html", "e_invoice": "factur-x"}
        settings = InvoiceSettings.model_validate(chosen | {"seller": SELLER | {"logo": ""}})
        made = InvoicePrinter(settings).print(invoice(line(), client=B2B), language="fr")
        pdfs[name] = made.pdf
        if any("not labelled" in warning for warning in made.warnings):
            unlabelled.add(name)
    plain = InvoicePrinter(InvoiceSettings()).print(example("facture"), language="fr")
    found = preflight.faults(pdfs | {"plain": plain.pdf}, tmp_path)
    assert any(fault.startswith("2.4") for fault in found.pop("plain")), "the checker finds no output intent"
    assert {
        name: sentences for name, sentences in found.items() if sentences and name not in unlabelled
    } == {}
    assert unlabelled == {"a colour in CMYK", "a letter without a font"}
