"""A customer's invoices decided about together, even where the CRM's pages split them."""

from collections.abc import Iterable, Iterator, Sequence

from mailworker.crm import RecordPage
from mailworker.crm.records import CrmInvoice
from mailworker.crm.row_source_interface import Cursor
from mailworker.scans.runner import ScanBatch


def whole_customers(pages: Iterable[RecordPage[CrmInvoice]]) -> Iterator[ScanBatch[CrmInvoice]]:
    """Batches that end where a customer ends, so that one mail can hold all that a customer owes."""
    kept: list[CrmInvoice] = []
    end: Cursor | None = None
    for page in pages:
        held = _held_back(page.records)
        if held == len(page.records):
            if kept and page.records and kept[-1].customer_id != page.records[0].customer_id:
                yield ScanBatch(kept, end)
                kept = []
        else:
            head = len(page.records) - held
            yield ScanBatch([*kept, *page.records[:head]], page.ends[head - 1])
            kept = []
        kept += page.records[len(page.records) - held :]
        end = page.end
        if page.faults:
            yield ScanBatch((), None, page.faults)
    if kept:
        yield ScanBatch(kept, end)


def _held_back(records: Sequence[CrmInvoice]) -> int:
    """How many at the end are of the last customer, of whom the next page may hold more."""
    count = 0
    while count < len(records) and records[-1 - count].customer_id == records[-1].customer_id:
        count += 1
    return count
