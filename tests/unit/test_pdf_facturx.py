"""The e-invoice: named gaps before it, valid XML in it, PDF/A-3 around it."""

import hashlib
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import facturx
import pikepdf
import pytest
from PIL import Image

from mailworker.config.invoice import InvoiceSettings
from mailworker.invoices import review_invoice
from mailworker.invoices.from_json.invoice import read_invoice
from mailworker.invoices.json_to_pdf import InvoicePrinter
from mailworker.invoices.languages.locale_format import locale_format
from tests.unit.test_invoice_reading import MINIMAL, invoice, line
from tests.unit.test_pdf_pages import SELLER, example

SETTINGS = InvoiceSettings.model_validate({"e_invoice": "factur-x", "seller": SELLER | {"logo": ""}})
RAM = "{urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100}"
B2B = {"name": "Lefèvre SARL", "country": "FR", "siren": "552100554", "city": "Lyon", "postcode": "69002"}


#: WeasyPrint leaves the closing of its colour profile to the interpreter.
pytestmark = [
    pytest.mark.usefixtures("frozen_garbage"),
    pytest.mark.filterwarnings("ignore:unclosed file.*sRGB2014:ResourceWarning"),
]


@pytest.fixture(scope="module", params=["en16931", "basic"])
def profile(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def printer(profile: str, tmp_path_factory: pytest.TempPathFactory) -> InvoicePrinter:
    folder = tmp_path_factory.mktemp("assets")
    Image.new("RGBA", (900, 300), (11, 79, 108, 200)).save(folder / "logo.png")
    chosen = {"e_invoice": "factur-x", "profile": profile, "seller": SELLER, "assets": folder}
    return InvoicePrinter(InvoiceSettings.model_validate(chosen))


#: One invoice of each sort that the rules treat differently.
SORTS: dict[str, dict[str, Any]] = {
    "several rates, discount, refund": example("facture"),
    "reverse charge abroad": example("invoice-reverse-charge"),
    "credit note": example("avoir"),
    "call detail": example("facture-detail"),
    "zero rated": invoice(line(tax_rate=0), client=B2B),
    "exempt": invoice(line(tax_rate=0, tax_category="E"), client=B2B),
    "intra-community": invoice(line(tax_rate=0, tax_category="K"), client=B2B | {"country": "DE", "vat_id": "DE123456789"}),
    "export": invoice(line(tax_rate=0, tax_category="G"), client={"name": "X Inc", "country": "US", "kind": "business", "email": "x@x.example"}),
    "outside VAT": invoice(line(tax_rate=0, tax_category="O"), client=B2B),
    "discount on the invoice": invoice(
        line(quantity=10), discounts=[{"description": "Fidélité", "amount": "5.00", "tax_rate": 20}], client=B2B
    ),
    "partly paid": invoice(line(), paid_amount="2.00", client=B2B),
    "a negative price": invoice(line(), line(unit_price="-2.00"), client=B2B),
    "many decimals": invoice(line(quantity="1234.5", unit_price="0.012345"), client=B2B),
    "parts of a cent": invoice(
        *[line(unit_price=None, amount="8.3333")] * 3, line(quantity="12.3456", unit_price="0.0125"),
        line(unit_price=None, amount="-0.012345"), total_amount="25.14", total_tax="5.03", client=B2B
    ),
    "hostile texts": invoice(line(description="<&>\"' ]]>"), client=B2B | {"name": "A<b>&\x01'"}),
    "yen": invoice(line(unit_price="1200"), client=B2B, currency="JPY", exchange_rate="0.0058"),
}  # fmt: skip


@pytest.mark.parametrize("sort", SORTS)
def test_the_xml_is_valid_by_the_official_schema(printer: InvoicePrinter, sort: str) -> None:
    assert printer.cii
    xml = printer.cii.write(read_invoice(SORTS[sort], printer.settings, language="fr"), locale_format("fr"))
    assert facturx.xml_check_xsd(xml)


def test_the_file_is_found_by_its_readers(printer: InvoicePrinter, profile: str) -> None:
    made = printer.print(example("facture"), language="fr")
    name, xml = facturx.get_xml_from_pdf(made.pdf, check_xsd=True, check_schematron=False)
    assert (name, facturx.get_level(_tree(xml))) == ("factur-x.xml", profile)


def _tree(xml: bytes) -> Any:
    from lxml import etree  # noqa: PLC0415

    return etree.fromstring(xml)


def test_the_xml_says_what_the_page_says(printer: InvoicePrinter) -> None:
    _, xml = facturx.get_xml_from_pdf(
        printer.print(example("facture"), language="").pdf, check_xsd=False, check_schematron=False
    )
    root = ET.fromstring(xml)
    totals = root.find(f".//{RAM}SpecifiedTradeSettlementHeaderMonetarySummation")
    assert totals is not None
    given = {child.tag.removeprefix(RAM): child.text for child in totals}
    assert given["TaxBasisTotalAmount"] == "201.98"
    assert given["TaxTotalAmount"] == "39.48"
    assert given["DuePayableAmount"] == "241.46"
    assert [e.text for e in root.iter(f"{RAM}SubjectCode")] == ["PMT", "PMD", "AAB", "BAR"]
    assert next(root.iter(f"{RAM}IBANID")).text == "FR7630006000011234567890189"


def test_around_it_is_pdf_a_3(printer: InvoicePrinter) -> None:
    pdf = pikepdf.open(io.BytesIO(printer.print(example("facture"), language="").pdf))
    assert len(pdf.Root.AF) == 1
    spec = pdf.Root.AF[0]
    assert (str(spec.UF), str(spec.AFRelationship)) == ("factur-x.xml", "/Alternative")
    stream = spec.EF.F
    assert str(stream.Subtype) in {"/text/xml", "/application/xml"}
    assert bytes(stream.Params.CheckSum) == hashlib.md5(stream.read_bytes(), usedforsecurity=False).digest()
    assert pdf.Root.OutputIntents[0].S == "/GTS_PDFA1"
    assert "/ID" in pdf.trailer
    for page in pdf.pages:
        for image in page.get_images().values():
            assert not image.get("/Interpolate", False)
        for font in page.resources.Font.values():
            assert "/FontFile2" in font.DescendantFonts[0].FontDescriptor
            assert "/ToUnicode" in font


def test_the_xmp_is_one_rdf_with_the_four_properties(printer: InvoicePrinter, profile: str) -> None:
    pdf = pikepdf.open(io.BytesIO(printer.print(example("facture"), language="").pdf))
    packet = pdf.Root.Metadata.read_bytes().decode()
    assert packet.count("<rdf:RDF") == 1
    with pdf.open_metadata() as xmp:
        fx = "{urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#}"
        given = {
            name: xmp[fx + name]
            for name in ("DocumentType", "DocumentFileName", "Version", "ConformanceLevel")
        }
        assert given == {
            "DocumentType": "INVOICE",
            "DocumentFileName": "factur-x.xml",
            "Version": "1.0",
            "ConformanceLevel": "EN 16931" if profile == "en16931" else "BASIC",
        }
        assert xmp["pdfaid:part"] == "3"
        assert xmp["pdfaid:conformance"] == "B"
    assert "pdfaExtension:schemas" in packet


def test_the_same_e_invoice_gives_the_same_bytes(printer: InvoicePrinter) -> None:
    first, second = (printer.print(example("facture-detail"), language="").pdf for _ in range(2))
    assert first == second


def elements(node: Any) -> Iterator[Any]:
    """Each structure element below this one, itself included, in the order of reading."""
    if isinstance(node, pikepdf.Array):
        for kid in node:
            yield from elements(kid)
    elif isinstance(node, pikepdf.Dictionary) and "/S" in node:
        yield node
        yield from elements(node.get("/K"))


@pytest.mark.parametrize("e_invoice", ["none", "factur-x"])
def test_a_screen_reader_finds_the_headers_of_each_cell(e_invoice: str) -> None:
    """Each TH says whose header it is, and each ID that a cell names is found (ISO 32000-1, tables 322 and 349)."""
    chosen = {"e_invoice": e_invoice, "accessible": True, "seller": SELLER | {"logo": ""}}
    made = InvoicePrinter(InvoiceSettings.model_validate(chosen)).print(example("facture"), language="")
    pdf = pikepdf.open(io.BytesIO(made.pdf))
    root = pdf.Root.StructTreeRoot
    rows = [[(one.S, one) for one in row.K] for row in elements(root.K) if row.S == "/TR"]
    scopes = {
        ("/TD" in {sort for sort, _ in row}, str(one.A.Scope))
        for row in rows
        for sort, one in row
        if sort == "/TH"
    }
    assert scopes == {(True, "/Row"), (False, "/Column")}
    names = list(root.IDTree.Names)
    ids, found = [str(one) for one in names[::2]], names[1::2]
    assert ids == sorted(set(ids))
    assert [str(one.ID) for one in found] == ids
    asked = {
        str(name) for row in rows for sort, one in row if sort == "/TD" for name in one.A.get("/Headers", [])
    }
    assert asked
    assert asked <= set(ids)


def test_tagged_for_screen_readers(tmp_path: Path) -> None:
    chosen = {"e_invoice": "factur-x", "accessible": True, "seller": SELLER | {"logo": ""}}
    made = InvoicePrinter(InvoiceSettings.model_validate(chosen)).print(
        example("facture-detail"), language=""
    )
    pdf = pikepdf.open(io.BytesIO(made.pdf))
    assert pdf.Root.MarkInfo.Marked
    assert "/StructTreeRoot" in pdf.Root
    assert re.search(r'pdfaid:conformance="A"', pdf.Root.Metadata.read_bytes().decode())


@pytest.mark.parametrize(
    ("raw", "sentences"),
    [
        (MINIMAL | {"client": B2B}, ["transactions are missing; an e-invoice needs at least one line (BG-25, BR-16)."]),
        (invoice(line(tax_rate=None), client=B2B), ["transactions[0].tax_rate is missing; an e-invoice needs it on every line (BT-152)."]),
        (invoice(line(), client=B2B | {"country": "UK"}), ["client.country must be a code of ISO 3166-1, such as FR, for an e-invoice (BT-55, BR-CL-14); did you mean 'GB'?"]),
        (invoice(line(), client=B2B | {"siren": "12"}), ["client.siren must have nine digits (BT-47, BR-FR-32)."]),
        (invoice(line(), client=B2B, due_date=None), ["due_date is missing; an e-invoice with something to pay needs it (BT-9, BR-CO-25)."]),
        (invoice(line(), client=B2B, invoice_number="FA 2026 n°1"), ["invoice_number must be at most 35 characters of A-Z, a-z, 0-9, +, -, _ and / for an e-invoice (BT-1, BR-FR-01, BR-FR-02)."]),
        (invoice(line(), client=B2B, type="credit_note"), ["corrects is missing: it names the invoice that is corrected (BT-25, BR-FR-CO-04, BR-FR-CO-05)."]),
        (invoice(line(), client=B2B, type="credit_note", corrects="FA-1"), ["corrects.date is missing: in France it is asked for (BT-26, BR-FR-CO-04, BR-FR-CO-05)."]),
        (invoice(line(tax_rate=0, tax_category="K"), client={"name": "A", "country": "DE", "email": "a@a.example"}), ["client.vat_id is missing; VAT category K needs it (BT-48)."]),
        (invoice(line(), line(tax_rate=0, tax_category="O"), client=B2B), ["tax_category O cannot stand beside another category on one invoice (BR-O-11)."]),
        (invoice(line(), client=B2B, currency="TND", exchange_rate="0.3"), ["Factur-X carries two decimals, and TND has 3."]),
        (invoice(line(), client=B2B, currency="USD"), ["exchange_rate is missing (or total_tax_in_tax_currency): in France the VAT also has to stand in euros (BT-6, BT-111, BR-FR-CO-12)."]),
        (invoice(line(), client=B2B | {"vat_id": "59552100554"}), ["client.vat_id must begin with the code of its country, such as FR59552100554 (BT-48, BR-CO-09)."]),
        (invoice(line(quantity="1.12345"), client=B2B), ["transactions[0].quantity must have at most 4 decimals and 19 figures (BT-129, BR-FR-DEC-02)."]),
        (invoice(line(tax_rate=19), client=B2B), ["tax_rate 19 is no VAT rate in France (BT-152, BR-FR-16)."]),
        (invoice(line(tax_rate=20, tax_category="L"), client=B2B), ["tax_category L and M are taxes of Spain's islands and of Ceuta and Melilla (BT-151, BR-FR-15)."]),
        (invoice(line(tax_rate=0, tax_category="M"), client=B2B), ["tax_category L and M are taxes of Spain's islands and of Ceuta and Melilla (BT-151, BR-FR-15)."]),
        (invoice(line(), client={"name": "A", "country": "FR"}), ["client.email is missing: without client.siren and client.electronic_address it is the customer's electronic address (BT-49, BR-FR-12)."]),
        (invoice(line(tax_rate=0, tax_category="E", exemption_code="VATEX-XY"), client=B2B), ["exemption_code VATEX-XY is not in the VATEX list (BT-121, BR-CL-22)."]),
        (invoice(line(), client=B2B | {"siret": "12345682400013"}), ["client.siret must have fourteen digits and begin with client.siren (BT-46, BR-FR-09)."]),
        (invoice(line(end_date="2026-01-01", start_date="2026-01-31"), client=B2B), ["transactions[0].start_date is after its end_date (BR-30)."]),
        (invoice(line(unit_price="1e13"), client=B2B), ["Amounts must be below 10,000,000,000,000: validators add larger ones inexactly (BR-CO-10)."]),
        (invoice(line(), client=B2B, type="326"), ["type 326 is none that French platforms take (BT-3, BR-FR-04)."]),
        (invoice(line(), client=B2B, delivery_address={"country": "EL"}), ["delivery_address.country must be a code of ISO 3166-1, such as FR (BT-80, BR-57)."]),
    ],
)  # fmt: skip
def test_what_the_profile_needs_and_the_invoice_lacks_is_named(
    raw: dict[str, Any], sentences: list[str]
) -> None:
    assert list(review_invoice(raw, SETTINGS).faults) == sentences


def test_a_seller_without_identity_is_told_with_the_configuration() -> None:
    with pytest.raises(ValueError, match=r"factur-x needs seller\.vat_id, seller\.city, seller\.postcode"):
        InvoiceSettings(e_invoice="factur-x")


ELSEWHERE = B2B | {"electronic_address": {"scheme": "0225", "id": "999999999"}}
OF_ITS_SIREN = "client.electronic_address must begin with client.siren, in scheme 0225 (BT-49, BR-FR-21)."


@pytest.mark.parametrize(
    ("changes", "client", "sentences"),
    [
        ({}, ELSEWHERE, [OF_ITS_SIREN]),
        ({"type": "self_billed"}, ELSEWHERE, []),  # there the customer is who sells
        ({}, B2B | {"electronic_address": {"scheme": "0009", "id": "552100554"}}, [OF_ITS_SIREN]),
        ({}, B2B | {"electronic_address": {"scheme": "0225", "id": "552100554_SERVICE"}}, []),
    ],
)
def test_whose_electronic_address_begins_with_its_siren(
    changes: dict[str, Any], client: dict[str, Any], sentences: list[str]
) -> None:
    assert list(review_invoice(invoice(line(), client=client, **changes), SETTINGS).faults) == sentences
