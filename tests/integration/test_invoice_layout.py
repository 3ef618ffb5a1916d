"""Hostile invoices on the page: nothing lies over anything, nothing leaves it, and it looks as it did.

The reference pictures in `tests/pictures/` were looked at by a person. Make them anew after a wanted change:

    python -m tests.integration.test_invoice_layout
"""

import io
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageChops
from weasyprint import HTML, Document
from weasyprint.formatting_structure import boxes

from mailworker.config.invoice import InvoiceSettings
from mailworker.invoices.json_to_pdf import InvoicePrinter
from tests.hostile_invoices import HOSTILE
from tests.unit.test_pdf_pages import SELLER

PICTURES = Path(__file__).parents[1] / "pictures"
#: Coarse on purpose: libraries of other hosts may move a letter by a fraction of a pixel.
RESOLUTION = 40
#: Of all pixels, so many may differ visibly.
MOST_DIFFERENT = 0.01
VISIBLE = 64
SETTINGS = InvoiceSettings.model_validate(
    {
        "seller": SELLER
        | {
            "logo": "",
            "registration": "SAS au capital de 250 000 € · RCS Marseille 123 456 824",
            "email": "factures@alize.example",
            "phone": "04 91 00 00 00",
            "creditor_id": "FR72ZZZ123456",
            "customer_service": "du lundi au samedi de 8 h à 20 h, 09 69 39 00 00 (appel non surtaxé)",
        }
    }
)
Rectangle = tuple[float, float, float, float, str]

pytestmark = pytest.mark.integration


class _Watched(InvoicePrinter):
    """A printer that keeps what it has laid out."""

    def __init__(self) -> None:
        super().__init__(SETTINGS)
        lay_out = self.engine._lay_out_ours

        def kept(page: Any) -> Document:
            self.document = lay_out(page)
            return self.document

        self.engine._lay_out_ours = kept  # type: ignore[method-assign]
        # Each page is laid out anew, and stays as it was laid out.
        self.engine.forms.fill = lambda _root: None  # type: ignore[method-assign]
        self.engine.forms.learn = lambda _root, document: document  # type: ignore[method-assign]


@pytest.fixture(scope="module")
def printer() -> _Watched:
    return _Watched()


def texts(page: Any) -> Iterator[Rectangle]:
    """Where each piece of text stands on a page, in CSS pixels, and what it says."""
    for box in page._page_box.descendants(placeholders=True):
        if isinstance(box, boxes.TextBox) and box.text.strip():
            x, y = box.position_x, box.position_y
            yield x, y, x + box.width, y + box.height, box.text


def overlapping(page: Any) -> list[tuple[str, str]]:
    """Pairs of texts that lie over each other by more than a hair."""
    found = sorted(texts(page), key=lambda one: one[1])
    pairs = []
    for index, (left, top, right, bottom, text) in enumerate(found):
        for other in found[index + 1 :]:
            if other[1] > bottom - 1:
                break
            if (
                min(right, other[2]) - max(left, other[0]) > 1
                and min(bottom, other[3]) - max(top, other[1]) > 1
            ):
                pairs.append((text, other[4]))
    return pairs


@pytest.mark.parametrize("name", HOSTILE)
def test_no_text_lies_over_another_or_off_the_page(printer: _Watched, name: str) -> None:
    printer.print(HOSTILE[name], language="fr")
    for page in printer.document.pages:
        assert overlapping(page) == []
        for left, top, right, bottom, text in texts(page):
            assert left >= 0, text
            assert top >= 0, text
            assert right <= page.width + 1, text
            assert bottom <= page.height, text


@pytest.mark.parametrize("name", HOSTILE)
def test_no_last_page_has_small_print_alone(printer: _Watched, name: str) -> None:
    """The note on late payment stays with how to pay, or with the notes before it."""
    printer.print(HOSTILE[name], language="fr")
    pages = printer.document.pages
    shown = [text for *_, top, _, _, text in texts(pages[-1]) if 80 < top < 1040]
    assert len(pages) == 1 or not shown[0].startswith(("Une question", "En cas de retard"))


@pytest.mark.parametrize(
    ("name", "amounts"),
    [
        ("huge and tiny numbers", {"99999999999,99", "119998536817,01"}),
        ("trillions for a consumer", {"1234567890123,45", "1481481468148,14", "1481481468157,74"}),
    ],
)
def test_an_amount_stays_on_one_line(printer: _Watched, name: str, amounts: set[str]) -> None:
    printer.print(HOSTILE[name], language="fr")
    shown = {re.sub(r"[\s€]", "", text) for *_, text in texts(printer.document.pages[0])}
    assert amounts <= shown


def test_an_overlap_would_be_found() -> None:
    page = '<p style="position:absolute;top:0">one</p><p style="position:absolute;top:8px">two</p>'
    assert overlapping(HTML(string=page).render().pages[0]) == [("one", "two")]


def pictures(pdf: bytes) -> list[Image.Image]:
    """The first and the last page, in grey."""
    command = ["pdftoppm", "-r", str(RESOLUTION), "-gray", "-png", "-", "-"]
    count = int(
        subprocess.run(["pdfinfo", "-"], input=pdf, capture_output=True, check=True)
        .stdout.split(b"Pages:")[1]
        .split()[0]
    )
    shown = []
    for page in dict.fromkeys((1, count)):
        here = [*command[:-2], "-f", str(page), "-l", str(page), "-"]
        out = subprocess.run(here, input=pdf, capture_output=True, check=True).stdout
        shown.append(Image.open(io.BytesIO(out)).convert("L"))
    return shown


def reference(name: str, index: int) -> Path:
    """Where the picture of an invoice's first (0) or last (1) page is kept."""
    return PICTURES / f"{name.replace(' ', '-').replace(',', '').replace(chr(39), '')}-{index}.png"


@pytest.mark.parametrize("name", HOSTILE)
def test_it_looks_as_it_did(printer: _Watched, name: str) -> None:
    for index, picture in enumerate(pictures(printer.print(HOSTILE[name], language="fr").pdf)):
        with Image.open(reference(name, index)) as kept:
            assert kept.size == picture.size
            histogram = ImageChops.difference(kept.convert("L"), picture).histogram()
        assert sum(histogram[VISIBLE:]) / sum(histogram) < MOST_DIFFERENT


def main() -> None:
    """Make the reference pictures anew."""
    PICTURES.mkdir(exist_ok=True)
    printer = _Watched()
    for name, raw in HOSTILE.items():
        for index, picture in enumerate(pictures(printer.print(raw, language="fr").pdf)):
            picture.quantize(16).save(reference(name, index), optimize=True)


if __name__ == "__main__":
    sys.exit(main())
