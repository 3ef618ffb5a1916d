"""Which documents an invoice may be (BT-3): the codes of UNTDID 1001 that EN 16931 takes, and their kinds.

Facts: the code list of EN 16931 as Factur-X 1.09 carries it, its credit notes as EN 16931's UBL syntax lists
them, and the French rule BR-FR-04. The tests compare them with the official files.
"""

from mailworker.invoices.model import DocumentType

_INVOICES = """
    71 80 82 84 102 130 202 203 204 211 218 219 295 325 326 331 380 382 383 385 387 388 390 393 394 395 456
    457 527 553 575 623 633 751 780 817 870 875 876 877 935
"""
_OF_KIND = {
    DocumentType.INVOICE: _INVOICES,
    DocumentType.CREDIT_NOTE: "81 83 261 262 296 308 381 396 420 458 502 503 532",
    DocumentType.CORRECTIVE: "384 471 472 473",
    DocumentType.PREPAYMENT: "386 500",
    DocumentType.SELF_BILLED: "389 501",
}
_NAMES = {
    "invoice": "380",
    "credit_note": "381",
    "corrective": "384",
    "corrected_invoice": "384",
    "prepayment": "386",
    "self_billed": "389",
    "self_billed_credit_note": "261",
    "partial": "326",
    "factored": "393",
}
#: Every code, and the kind of document that it is.
KIND_OF_CODE = {code: kind for kind, codes in _OF_KIND.items() for code in codes.split()}
#: What French platforms take (BR-FR-04).
_FRENCH = "380 389 393 501 386 500 384 471 472 473 261 262 381 396 502 503"
FRENCH_TYPES = frozenset(_FRENCH.split())
#: Invoices that the buyer writes in the seller's name.
_SELF_BILLED = "389 261 501 500 502 471 473"
SELF_BILLED_CODES = frozenset(_SELF_BILLED.split())
TYPE_NAMES = tuple(_NAMES)


def code_of_type(declared: str) -> str | None:
    """The code of a document's type, by its name or the code itself; None if unknown."""
    return declared if declared in KIND_OF_CODE else _NAMES.get(declared)
