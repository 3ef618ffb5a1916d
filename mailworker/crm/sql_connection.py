"""Connections to OmniCRM's database that can only read, and that have times in the CRM's zone."""

import socket
from contextlib import closing, suppress
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from mailworker.core import clock
from mailworker.core.vanished_host import POSTGRESQL, notice_soon
from mailworker.errors import Misconfigured

#: What makes a new connection refuse to write, whatever the query is.
_READ_ONLY = {
    "sqlite": "PRAGMA query_only = ON",
    "postgresql": "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
    "mysql": "SET SESSION TRANSACTION READ ONLY",
    "mariadb": "SET SESSION TRANSACTION READ ONLY",
}
#: Their TIMESTAMP columns come in the session's zone without its name.
_ZONELESS = {"mysql", "mariadb"}
_OF_LIBPQ = {"postgresql", "postgresql+psycopg", "postgresql+psycopg2"}


def connect_read_only(url: str, timeout: float, zone: ZoneInfo) -> Engine:
    """An engine whose connections only read. `zone` is what the database's times mean that name none.

    Raises Misconfigured where the URL or its driver is no good.
    """
    try:
        parsed = _with_driver(make_url(url))
        seconds = max(1, int(timeout))
        name = "timeout" if parsed.get_backend_name() == "sqlite" else "connect_timeout"
        soon = POSTGRESQL if parsed.drivername in _OF_LIBPQ else {}
        given = {name: seconds, **soon}
        engine = create_engine(parsed, pool_size=2, pool_pre_ping=True, connect_args=given)
    except (ArgumentError, NoSuchModuleError, ValueError):
        raise Misconfigured("crm.sql.url is not a SQLAlchemy URL; see docs/crm.md for examples.") from None
    except ModuleNotFoundError as fault:
        raise Misconfigured(
            f"crm.sql.url needs the Python package {fault.name}, which is not installed; add it to the image."
        ) from None
    if engine.dialect.name == "sqlite" and not Path(parsed.database or "").is_file():
        raise Misconfigured("crm.sql.url names a SQLite file that is not there.")  # it would be made, empty
    statement = _READ_ONLY.get(engine.dialect.name)
    if statement is None:
        raise Misconfigured("crm.sql.url must be of SQLite, PostgreSQL, MariaDB or MySQL.")
    event.listen(engine, "connect", _obey(statement, zone if engine.dialect.name in _ZONELESS else None))
    return engine


def _with_driver(url: URL) -> URL:
    """The driver that comes with us, where the URL names none."""
    return url.set(drivername="mysql+pymysql") if url.drivername in _ZONELESS else url


def _obey(statement: str, zone: ZoneInfo | None) -> Any:
    def on_connect(connection: Any, _record: Any) -> None:
        if isinstance(link := getattr(connection, "_sock", None), socket.socket):  # PyMySQL's
            notice_soon(link)
        with closing(connection.cursor()) as cursor:
            cursor.execute(statement)
            if zone is not None:
                # A server without tables of time zones knows numbers only, and keeps the zone it has.
                with suppress(connection.Error):
                    cursor.execute("SET time_zone = %s", ("+00:00" if zone.key == "UTC" else zone.key,))
        connection.commit()

    return on_connect


def zone_fault(connection: Connection, zone: ZoneInfo) -> str | None:
    """What is wrong where the database has times in another zone than the CRM's."""
    if connection.dialect.name not in _ZONELESS:
        return None
    here = clock.utc_now().astimezone(zone).utcoffset()
    with suppress(DBAPIError):
        minutes = connection.execute(
            text("SELECT timestampdiff(MINUTE, utc_timestamp(), now())")
        ).scalar_one()
        if here is not None and minutes * 60 != here.total_seconds():
            return (
                f"crm.sql: the database does not know the time zone {zone.key}, giving TIMESTAMP columns in"
                " another; load its time zones: mysql_tzinfo_to_sql /usr/share/zoneinfo | mysql mysql"
            )
    return None
