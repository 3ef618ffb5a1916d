"""A file says that it is PDF/A-3 only where it is: pictures, inks and letters of an operator's template."""

import io
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from PIL import Image

from mailworker.config.invoice import InvoiceSettings
from mailworker.errors import Misconfigured
from mailworker.invoices.json_to_pdf import InvoicePrinter
from mailworker.invoices.render_process.result import RenderedInvoice
from tests.unit.test_invoice_reading import invoice, line
from tests.unit.test_pdf_facturx import B2B
from tests.unit.test_pdf_pages import SELLER

pytestmark = [
    pytest.mark.usefixtures("frozen_garbage"),
    pytest.mark.filterwarnings("ignore:unclosed file.*sRGB2014:ResourceWarning"),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    Image.new("RGBA", (60, 20), (0, 0, 128, 90)).save(tmp_path / "half.png")
    Image.new("CMYK", (60, 20), (200, 10, 10, 0)).save(tmp_path / "inks.jpg")
    return tmp_path


def printed(folder: Path, body: str, **client: Any) -> RenderedInvoice:
    (folder / "mine.html").write_text(f"<html lang=fr><title>x</title><body>{body}", "utf-8")
    chosen = {"template_dir": folder, "template_filename": "mine.html", "e_invoice": "factur-x"}
    settings = InvoiceSettings.model_validate(chosen | {"seller": SELLER | {"logo": ""}})
    return InvoicePrinter(settings).print(invoice(line(), client=B2B | client), language="fr")


def labelled(pdf: pikepdf.Pdf) -> bool:
    return "/Metadata" in pdf.Root and b"pdfaid" in pdf.Root.Metadata.read_bytes()


def pictures(pdf: pikepdf.Pdf) -> list[Any]:
    return [image for page in pdf.pages for image in page.get_images().values()]


@pytest.mark.parametrize("name", ["half.png", "inks.jpg"])
def test_pictures_are_made_conformant(folder: Path, name: str) -> None:
    made = printed(
        folder, f"<img src={name} alt=x><p style='background: url({name})'>{{{{ invoice_number }}}}"
    )
    pdf = pikepdf.open(io.BytesIO(made.pdf))
    assert labelled(pdf)
    assert made.warnings == ()
    for picture in pictures(pdf):
        assert not picture.get("/Interpolate", False)
        assert picture.ColorSpace in ("/DeviceRGB", "/DeviceGray")


@pytest.mark.parametrize(
    ("body", "name", "cause"),
    [
        ("<p style='color: device-cmyk(0 1 0 0)'>x", "A", "a colour is in CMYK (device-cmyk)"),
        ("<p>{{ client.name }}", "A \U00038000", "characters have no font"),
    ],
)
def test_what_cannot_be_is_not_labelled(folder: Path, body: str, name: str, cause: str) -> None:
    made = printed(folder, body, name=name)
    pdf = pikepdf.open(io.BytesIO(made.pdf))
    assert not labelled(pdf)
    assert made.warnings[-1] == f"The PDF is not labelled PDF/A-3, because {cause}."
    assert list(pdf.attachments) == ["factur-x.xml"]


@pytest.mark.parametrize(
    ("content", "faults"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'><rect", "its SVG is broken at line 1"),
        (
            b"<!DOCTYPE svg [<!ENTITY a 'b'>]><svg xmlns='http://www.w3.org/2000/svg'>&a;</svg>",
            "XML entities",
        ),
        (b"<html/>", "is no SVG: its root is html"),
    ],
)
def test_a_logo_in_broken_svg_is_told_at_the_start(tmp_path: Path, content: bytes, faults: str) -> None:
    (tmp_path / "logo.svg").write_bytes(content)
    with pytest.raises(Misconfigured, match=faults):
        InvoicePrinter(InvoiceSettings.model_validate({"assets": tmp_path, "seller": {"logo": "logo.svg"}}))
