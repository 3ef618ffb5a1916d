"""Factur-X's PDF: what PDF/A-3 wants around the XML that is attached to it.

Sources: Factur-X 1.09 (FNFE-MPE), ISO 19005-3.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any

import pydyf  # type: ignore[import-untyped]
from weasyprint import Attachment, Document
from weasyprint.pdf.metadata import DocumentMetadata

from mailworker.config.invoice import InvoiceSettings
from mailworker.invoices.model import Invoice

_LEVELS = {"en16931": "EN 16931", "basic": "BASIC"}


class _Metadata(DocumentMetadata):  # type: ignore[misc]
    """WeasyPrint's metadata with ours inside its one rdf:RDF; not everybody reads a second one."""

    extra = b""

    def generate_rdf_metadata(self, variant: str, version: int, conformance: str) -> bytes:
        """The XMP packet's body."""
        rdf: bytes = super().generate_rdf_metadata(variant, version, conformance)
        return rdf.replace(b"</rdf:RDF>", self.extra + b"</rdf:RDF>")


def embed(xml: bytes, invoice: Invoice, settings: InvoiceSettings) -> Callable[[Document], dict[str, Any]]:
    """What turns a laid-out document into a Factur-X file; give it to `Engine.draw`."""
    moment = datetime.combine(invoice.issued, datetime.min.time(), UTC)

    def finish(document: Document) -> dict[str, Any]:
        metadata = _Metadata(**vars(document.metadata))
        metadata.extra = xmp(_LEVELS[settings.profile])
        metadata.attachments = [
            Attachment(
                string=xml, name="factur-x.xml", relationship="Alternative", created=moment, modified=moment
            )
        ]
        document.metadata = metadata
        return {"finisher": _one_reference_each}

    return finish


def xmp(level: str) -> bytes:
    """Factur-X's own XMP: its four properties, and the schema that explains them to PDF/A."""
    text = (files("mailworker.invoices") / "templates" / "factur-x.xmp").read_text("utf-8")
    return text.replace("LEVEL", level).encode()


def _one_reference_each(_document: Document, pdf: pydyf.PDF) -> None:
    """WeasyPrint 70 lists an attachment twice in the catalogue's /AF (PDF/A-3 only); some validators mind."""
    if "AF" in pdf.catalog:
        pdf.catalog["AF"] = pydyf.Array(dict.fromkeys(pdf.catalog["AF"]))
