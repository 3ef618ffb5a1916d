"""Whether PDFs can be put away, and whether all hosts use one store."""

import secrets
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from mailworker.cli.doctor_checks.cures import STORE, cured
from mailworker.cli.doctor_checks.disk_space import disk_space_faults
from mailworker.core.clock import utc_now
from mailworker.errors import TransientError
from mailworker.invoices.file_store import store_identity
from mailworker.queue.host_stores import differing, stores_in_use
from mailworker.queue.redis_errors import StreamUnavailable

if TYPE_CHECKING:
    from mailworker.container import Container


def store_faults(container: "Container") -> Iterator[str]:
    """Whether a PDF can be put away and found again. Raises what the store raises."""
    key, content = f"doctor-{secrets.token_hex(8)}.pdf", b"%PDF-"
    try:
        container.store.put(key, content)
        try:
            kept = container.store.get(key)
        finally:
            container.store.delete(key)
    except TransientError as fault:
        yield cured(str(fault), STORE)
        return
    where = container.settings.invoice.store
    if kept != content:
        yield "The PDF store gives back something else than was put: correct invoice.store."
    elif other := _other_store(container):
        yield other
    elif "://" not in where:
        yield from disk_space_faults(Path(where).resolve())


def _other_store(container: "Container") -> str:
    """Whether a working host uses another store than this one. Without Redis nobody knows."""
    host, mark = socket.gethostname(), store_identity(container.store)
    with suppress(StreamUnavailable):
        used = stores_in_use(container.redis, utc_now())
        name = host if used.get(host, mark) == mark else f"{host} (this command)"
        return differing(used | {name: mark})
    return ""
