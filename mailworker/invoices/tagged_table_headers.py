"""Whose header a table's header cell is, in a tagged PDF, as screen readers ask for it.

WeasyPrint 70 gives header cells an ID, and other cells the IDs of their headers; but neither the tree in
which an ID is looked up (ISO 32000-1, table 322: required where there are IDs) nor a Scope (table 349, and
ISO 14289-1, 7.5).
"""

import pydyf  # type: ignore[import-untyped]
from weasyprint import Document

from mailworker.invoices.pdfa import Finisher


def complete_headers(finish: Finisher | None) -> Finisher:
    """A last step of writing a tagged file: each TH gets its Scope, and the IDs get their tree."""

    def finisher(document: Document, pdf: pydyf.PDF) -> None:
        if finish is not None:
            finish(document, pdf)
        objects = {one.reference: one for one in pdf.objects if isinstance(one, pydyf.Dictionary)}
        for row in [one for one in objects.values() if one.get("S") == "/TR"]:
            cells = [objects[kid] for kid in row["K"] if kid in objects]
            scope = "/Row" if any(cell["S"] == "/TD" for cell in cells) else "/Column"
            for cell in cells:
                if cell["S"] == "/TH":
                    cell["A"]["Scope"] = scope
        named = sorted((one["ID"].string, one) for one in objects.values() if "ID" in one and "S" in one)
        names = [part for _, one in named for part in (one["ID"], one.reference)]
        if names:
            root = objects[pdf.catalog["StructTreeRoot"]]
            root["IDTree"] = pydyf.Dictionary({"Names": pydyf.Array(names)})

    return finisher
