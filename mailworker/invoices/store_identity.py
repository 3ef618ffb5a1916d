"""Which store is this? A file in it names it, so that two hosts with a folder each are found out."""

import secrets

from mailworker.invoices.file_store import MARK, PdfStore


def store_identity(store: PdfStore) -> str:
    """The store's own mark, made when it has none. Raises TransientError where the store does not work."""
    kept = store.get(MARK)
    if kept is None:
        store.put(MARK, secrets.token_hex(8).encode())
        kept = store.get(MARK)  # another host may have been faster
    return (kept or b"").decode("ascii", "replace")
