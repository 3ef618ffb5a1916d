"""What this host offers: the ledger, the folder or bucket of PDFs, room on the disk."""

import re
import secrets
import shutil
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from psycopg import Error, connect
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from sqlalchemy import Connection
from sqlalchemy.engine import make_url

from mailworker.cli.doctor_checks.cures import CRM, LEDGER, STORE, cured
from mailworker.cli.doctor_checks.finding import Note
from mailworker.core.clock import utc_now
from mailworker.core.unset_text import known
from mailworker.errors import TransientError, Unreachable
from mailworker.invoices.file_store import store_identity
from mailworker.ledger.database import STANDBY
from mailworker.ledger.sqlite_write_queue import LedgerUnavailable
from mailworker.queue.host_stores import differing, stores_in_use
from mailworker.queue.redis_errors import StreamUnavailable

if TYPE_CHECKING:
    from mailworker.container import Container

#: Below this much free room on a disk that we write to, in bytes, and as a share of it.
_LITTLE_BYTES, _LITTLE_SHARE = 500_000_000, 0.02


def ledger_faults(container: "Container") -> Iterator[str]:
    """Whether the ledger can be reached and is one that we can use. Raises what opening raises."""
    url = known(container.settings.worker.database_url)
    try:
        if url.startswith("sqlite"):
            yield from _sqlite_faults(container, url)
        else:
            yield from _postgres_faults(container)
            yield from _split_faults(url)
    except LedgerUnavailable as fault:
        yield cured(str(fault), LEDGER)


def _postgres_faults(container: "Container") -> Iterator[str]:
    try:
        with container.ledger.read() as connection:
            encoding = connection.exec_driver_sql("SHOW server_encoding").scalar()
            standby = connection.exec_driver_sql("SELECT pg_is_in_recovery()").scalar()
            if not standby:
                yield from _durability_faults(connection)
        if standby:
            yield STANDBY
        else:
            container.ledger.demand_writable()
    except TypeError:
        # SQLAlchemy reads the server's version as text, which comes as bytes from a SQL_ASCII database.
        encoding = "SQL_ASCII"
    if encoding != "UTF8":
        yield (
            f"The ledger's database is encoded in {encoding}, which keeps no accents: make one with "
            "CREATE DATABASE ... ENCODING 'UTF8' TEMPLATE template0."
        )


def _split_faults(url: str) -> Iterator[str]:
    """Whether several servers of one URL take writes, as when a lost primary is back as it was."""
    libpq, writable = re.sub(r"^postgresql\+\w+:", "postgresql:", url), []
    with suppress(Error):
        given = conninfo_to_dict(libpq)
        hosts, ports = (str(given.get(name) or "").split(",") for name in ("host", "port"))
        for host, port in zip(hosts, ports * (len(hosts) // len(ports)), strict=False):
            with suppress(Error):
                one = make_conninfo(libpq, host=host, port=port, target_session_attrs="read-write")
                connect(one, connect_timeout=2).close()
                writable.append(host)
    if len(writable) > 1:
        yield (
            f"{' and '.join(writable)} both take writes as the ledger's primary: stop PostgreSQL on the one "
            "that was lost, and make it the other's standby; run no `ledger refill` before "
            "(docs/several-hosts.md)."
        )


def _durability_faults(connection: Connection) -> Iterator[str]:
    """What a crash or a fail-over would lose."""
    if connection.exec_driver_sql("SHOW synchronous_commit").scalar() in {"off", "local"}:
        yield (
            "PostgreSQL forgets accepted mail at a crash or a fail-over: set synchronous_commit to on "
            "(ALTER ROLE ... SET synchronous_commit = 'on')."
        )
    elif (
        connection.exec_driver_sql("SELECT count(*) FROM pg_stat_replication").scalar()
        and not connection.exec_driver_sql("SHOW synchronous_standby_names").scalar()
    ):
        yield Note(
            "PostgreSQL's standby follows asynchronously: a fail-over loses the ledger's last seconds. Run "
            "then `mailworker ledger refill`; or set synchronous_standby_names (docs/outages.md)."
        )


def _sqlite_faults(container: "Container", url: str) -> Iterator[str]:
    folder = Path(make_url(url).database or ".").resolve().parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as fault:
        yield f"The ledger's folder {folder} cannot be made ({fault.strerror}): correct worker.database_url."
        return
    container.ledger.demand_writable()
    yield from disk_space_faults(folder)
    if container.settings.worker.environment == "production" and not container.settings.mailjet.is_local:
        yield Note(
            "The ledger is SQLite, which serves one host: for several set worker.database_url to PostgreSQL."
        )


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


def crm_faults(container: "Container") -> list[str]:
    """What the CRM lacks; that it is away comes once, not for each question. Raises what opening raises."""
    try:
        found = container.crm.check()
    except Unreachable as fault:
        found = [str(fault)]
    return list(
        dict.fromkeys(cured(one, CRM) if any(sign in one for sign in _AWAY) else one for one in found)
    )


#: The errors of the sources of the CRM's data where nobody answers, or not as it should.
_AWAY = ("cannot be reached", "did not answer in time", "OmniCRM answered 5")


def disk_space_faults(folder: Path) -> Iterator[str]:
    """Whether the disk is almost full, shown before it is."""
    room = shutil.disk_usage(folder)
    if room.free < max(_LITTLE_BYTES, room.total * _LITTLE_SHARE):
        left = f"{room.free // 1_000_000} MB left"
        yield f"The disk of {folder} has only {left}: free some before writing fails."
