"""The PDF itself: what stands on its pages, byte for byte the same each time."""

import io
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pypdf
import pytest
from PIL import Image

from mailworker.config.invoice import InvoiceSettings
from mailworker.errors import Misconfigured
from mailworker.invoices import json_to_pdf as printer_module
from mailworker.invoices.json_to_pdf import InvoicePrinter
from mailworker.invoices.weasyprint import faster_layout
from tests.unit.test_invoice_reading import EXAMPLES, MINIMAL

pytestmark = pytest.mark.usefixtures("frozen_garbage")

SELLER = {
    "name": "Alizé Télécom",
    "address": "8 quai des Cordages",
    "postcode": "13002",
    "city": "Marseille",
    "vat_id": "FR40123456824",
    "siren": 123456824,
    "iban": "FR76 3000 6000 0112 3456 7890 189",
    "bic": "AGRIFRPP",
    "logo": "logo.png",
}


@pytest.fixture(scope="module")
def printer(assets: Path) -> InvoicePrinter:
    return InvoicePrinter(InvoiceSettings.model_validate({"assets": assets, "seller": SELLER}))


def example(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((EXAMPLES / f"{name}.json").read_text("utf-8"))
    return loaded


def read(pdf: bytes) -> pypdf.PdfReader:
    return pypdf.PdfReader(io.BytesIO(pdf))


def text(pdf: bytes) -> str:
    """All words of all pages, with single spaces."""
    words = " ".join(page.extract_text() for page in read(pdf).pages)
    return " ".join(words.replace("\u202f", " ").split())


def test_a_french_invoice_says_what_it_must(printer: InvoicePrinter) -> None:
    made = printer.print(example("facture"), language="")
    given = text(made.pdf)
    for expected in (
        "Facture FA-2026-004217",
        "Boulangerie Lefèvre & Filles SARL",
        "31 octobre 2026",
        "À régler au plus tard le 20 novembre 2026",
        "Fibre Pro 2 Gbit/s",
        "196,84 39,37",  # VAT at 20 %
        "5,14 0,11",  # VAT at 2,1 %
        "Total TTC 241,46 €",
        "FR76 3000 6000 0112 3456 7890 189",
        "indemnité forfaitaire pour frais de recouvrement de 40,00 €",
    ):
        assert expected in given
    assert len(read(made.pdf).pages) == 1


def test_a_way_to_pay_that_has_a_code_and_no_name(printer: InvoicePrinter) -> None:
    made = printer.print(example("facture") | {"payment_method": "42"}, language="")
    assert "Par un autre moyen convenu" in text(made.pdf)


def test_an_english_invoice_with_reverse_charge(printer: InvoicePrinter) -> None:
    given = text(printer.print(example("invoice-reverse-charge"), language="").pdf)
    for expected in ("Invoice INV-2026-000815", "Reverse charge", "€150.90", "IRELAND", "30 November 2026"):
        assert expected in given


def test_a_credit_note_asks_for_no_money(printer: InvoicePrinter) -> None:
    given = text(printer.print(example("avoir"), language="").pdf)
    assert "Avoir AV-2026-000031" in given
    assert "FA-2026-004217" in given
    assert "IBAN" not in given


def test_an_invoice_that_is_only_its_total(printer: InvoicePrinter) -> None:
    given = text(printer.print(example("minimal"), language="en").pdf)
    assert "Services of the period 1 100.00 20% 100.00" in given
    assert "Amount due €120.00" in given


def test_call_detail_runs_over_pages_and_carries_its_subtotals(printer: InvoicePrinter) -> None:
    made = printer.print(example("facture-detail"), language="")
    pages = [" ".join(page.extract_text().split()) for page in read(made.pdf).pages]
    assert [f"{number} / 4" in page for number, page in enumerate(pages, 1)] == [True] * 4
    for page in pages[1:]:
        assert "Facture FA-2026-004218" in page
        assert "Date Service Correspondant Durée / volume Montant HT" in page
    for before, after in pairwise(pages[1:]):
        carried = before.split("À reporter ")[1].split()[0]
        assert f"Report {carried}" in after
    assert "Total des communications HT 583,52 €" in pages[-1]
    assert "Total de la ligne 06 12 00 10 01" in text(made.pdf)


def test_rows_drawn_straight_read_like_rows_laid_out(
    printer: InvoicePrinter, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = printer.print(example("facture-detail"), language="")
    monkeypatch.setattr(printer_module, "can_stamp", lambda _: False)
    laid_out = printer.print(example("facture-detail"), language="")
    assert sorted(text(drawn.pdf).split()) == sorted(text(laid_out.pdf).split())
    assert drawn.pdf != laid_out.pdf


def test_rows_with_letters_that_the_font_lacks_are_laid_out(printer: InvoicePrinter) -> None:
    rows = [{"date": "2026-10-01T08:00", "service": "اتصال", "destination": "+212 5", "amount": "1.00"}]
    made = printer.print(MINIMAL | {"usage": rows}, language="fr")
    assert "1,00" in text(made.pdf)


def test_more_rows_than_are_printed_stay_in_the_portal(assets: Path) -> None:
    few = InvoicePrinter(InvoiceSettings.model_validate({"limits": {"detail_rows": 100}}))
    made = few.print(example("facture-detail"), language="")
    assert len(read(made.pdf).pages) == 1
    assert "Le détail des 140 communications se trouve dans votre espace client." in text(made.pdf)


def test_the_small_pdf_leaves_the_detail_to_the_portal(printer: InvoicePrinter) -> None:
    full = printer.print(example("facture-detail"), language="")
    small = printer.print(example("facture-detail"), language="", small=True)
    assert len(small.pdf) < len(full.pdf)
    assert "portail.example/factures/FA-2026-004218" in text(small.pdf)


def test_many_lines_run_on_with_the_tables_head_repeated(printer: InvoicePrinter) -> None:
    lines = [{"description": f"Ligne {i}", "unit_price": "1.00", "tax_rate": 20} for i in range(120)]
    made = printer.print(
        MINIMAL | {"transactions": lines, "total_amount": "144.00", "total_tax": "24.00"}, language="fr"
    )
    pages = [" ".join(page.extract_text().split()) for page in read(made.pdf).pages]
    assert len(pages) == 4
    assert sum("Désignation Qté Prix unitaire HT" in page for page in pages) >= 3
    assert "4 / 4" in pages[-1]


@pytest.mark.parametrize("name", ["facture", "facture-detail", "avoir", "invoice-reverse-charge", "minimal"])
def test_what_makes_it_fast_changes_no_byte(printer: InvoicePrinter, name: str) -> None:
    assert faster_layout.active()
    fast = [printer.print(example(name), language="").sha256 for _ in range(2)]
    faster_layout.uninstall()
    try:
        slow = printer.print(example(name), language="").sha256
    finally:
        faster_layout.install()
    assert {*fast} == {slow}


def test_the_same_invoice_gives_the_same_bytes_whatever_came_between(
    assets: Path, printer: InvoicePrinter
) -> None:
    first = printer.print(example("facture"), language="")
    printer.print(example("facture-detail"), language="en")
    fresh = InvoicePrinter(InvoiceSettings.model_validate({"assets": assets, "seller": SELLER}))
    assert (
        printer.print(example("facture"), language="")
        == first
        == fresh.print(example("facture"), language="")
    )
    dates = read(first.pdf).metadata
    assert dates is not None
    assert str(dates.creation_date) == "2026-10-31 00:00:00+00:00"
    assert dates.title == "Facture FA-2026-004217"


@pytest.mark.parametrize(
    "name", ["محمد بن علي", "שרה כהן", "Ελένη Παπαδοπούλου", "Наталья", "Nguyễn Thị Ánh"]
)
def test_names_of_other_scripts_are_printed(printer: InvoicePrinter, name: str) -> None:
    made = printer.print(MINIMAL | {"client": {"name": name}}, language="fr")
    assert made.warnings == ()


def test_letters_without_a_font_are_told(printer: InvoicePrinter) -> None:
    nobodys = "\U00038000\U00038001"  # of no script, so that no host has a font for them
    made = printer.print(MINIMAL | {"client": {"name": nobodys}}, language="fr")
    assert made.warnings == (
        "2 characters have no font on this host: install fonts-noto-core and fonts-noto-cjk.",
    )


def test_a_currency_without_minor_units(printer: InvoicePrinter) -> None:
    made = printer.print(
        MINIMAL | {"currency": "JPY", "total_amount": 12000, "total_tax": 2000}, language="en"
    )
    assert "Amount due JP¥12,000" in text(made.pdf)


@pytest.mark.parametrize(
    ("content", "faults"),
    [
        (b"\x00" * 6_000_000, r"logo.png of the invoice template has 6000000 bytes; the most is 5242880"),
        (b"no picture", "logo.png of the invoice template is no readable picture"),
    ],
)
def test_a_bad_logo_is_told_at_the_start(tmp_path: Path, content: bytes, faults: str) -> None:
    (tmp_path / "logo.png").write_bytes(content)
    with pytest.raises(Misconfigured, match=faults):
        InvoicePrinter(InvoiceSettings.model_validate({"assets": tmp_path, "seller": {"logo": "logo.png"}}))


def test_a_picture_that_would_unpack_to_a_gigabyte(tmp_path: Path) -> None:
    Image.new("1", (20_000, 5_000)).save(tmp_path / "logo.png")
    with pytest.raises(Misconfigured, match="has 100000000 pixels; the most is 8000000"):
        InvoicePrinter(InvoiceSettings.model_validate({"assets": tmp_path, "seller": {"logo": "logo.png"}}))
