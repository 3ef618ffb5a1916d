"""The document of an invoice that a job names by its id: the CRM's own, or none at all."""

from collections.abc import Mapping
from typing import Any

from mailworker.crm import CrmSource
from mailworker.crm.invoice_document import gaps
from mailworker.errors import PermanentError
from mailworker.intake.accept import NO_DOCUMENTS


def crm_document(crm: CrmSource, invoice_id: str) -> Mapping[str, Any]:
    """The whole document. Raises PermanentError where the CRM does not have it, or not all of it."""
    if not crm.offers("invoice_document"):
        raise PermanentError(f"Invoice {invoice_id}: {NO_DOCUMENTS}.")
    document = crm.invoice_document(invoice_id)
    if document is None:
        raise PermanentError(f"The CRM knows no invoice {invoice_id}.")
    if missing := gaps(document):
        raise PermanentError(f"The CRM's document of invoice {invoice_id} {'; '.join(missing)}.")
    return document


def with_address(document: Mapping[str, Any], email: str | None) -> dict[str, Any]:
    """An invoice whose customer has an e-mail address: where it names none, the one that it is mailed to.

    A consumer's electronic address in an e-invoice is their e-mail (EN 16931 BT-49).
    """
    client = document.get("client")
    if not email or not isinstance(client, Mapping) or client.get("email"):
        return dict(document)
    return {**document, "client": {**client, "email": email}}
