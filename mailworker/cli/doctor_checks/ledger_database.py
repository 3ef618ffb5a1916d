"""Whether the ledger answers, takes writes, and keeps what it was given."""

import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from psycopg import Error, connect
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from sqlalchemy import Connection
from sqlalchemy.engine import make_url

from mailworker.cli.doctor_checks.cures import LEDGER, cured
from mailworker.cli.doctor_checks.disk_space import disk_space_faults
from mailworker.cli.doctor_checks.finding import Note
from mailworker.core.unset_text import known
from mailworker.ledger.database import STANDBY
from mailworker.ledger.sqlite_write_queue import LedgerUnavailable

if TYPE_CHECKING:
    from mailworker.container import Container


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
