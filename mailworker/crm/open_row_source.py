"""One row source for each word that `crm.source` may be; what the others need is not loaded."""

from mailworker.config.crm import CrmSettings
from mailworker.core import clock
from mailworker.crm.row_source_interface import NoRows, RowSource


def open_rows(settings: CrmSettings) -> RowSource:
    """Rows from the configured `source`."""
    openers = {"none": _none, "demo": _demo, "omnicrm": _omnicrm, "sql": _sql, "http": _http}
    return openers[settings.source](settings)


def _none(_settings: CrmSettings) -> RowSource:
    return NoRows()


def _omnicrm(settings: CrmSettings) -> RowSource:
    from mailworker.crm.omnicrm import open_omnicrm

    return open_omnicrm(settings)


def _sql(settings: CrmSettings) -> RowSource:
    from mailworker.crm.sql_connection import connect_read_only
    from mailworker.crm.sql_rows import SqlRows

    url = settings.sql.url.reveal() if settings.sql.url else ""
    engine = connect_read_only(url, settings.sql.timeout.total_seconds(), settings.timezone)
    return SqlRows(engine, settings.sql.queries, settings.page_size, settings.timezone)


def _demo(settings: CrmSettings) -> RowSource:
    from mailworker.crm.demo import demo_queries, ensure_demo
    from mailworker.crm.sql_connection import connect_read_only
    from mailworker.crm.sql_rows import SqlRows

    demo = settings.demo
    today = clock.utc_now().astimezone(settings.timezone).date()
    ensure_demo(demo.path, today, customers=demo.customers, seed=demo.seed)
    url, seconds = f"sqlite:///{demo.path}", settings.sql.timeout.total_seconds()
    engine = connect_read_only(url, seconds, settings.timezone)
    return SqlRows(engine, demo_queries(), settings.page_size, settings.timezone)


def _http(settings: CrmSettings) -> RowSource:
    from mailworker.crm.http_auth import login_of
    from mailworker.crm.http_rows import HttpRows

    return HttpRows(settings.http, login_of(settings.http), settings.page_size)
