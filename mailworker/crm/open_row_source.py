"""One row source for each word that `crm.source` may be; what the others need is not loaded."""

from collections.abc import Mapping

from mailworker.config.crm import CrmSettings, Question
from mailworker.core import clock
from mailworker.crm.row_source_interface import NoRows, RowSource


def open_rows(settings: CrmSettings) -> RowSource:
    """Rows from the configured `source`."""
    match settings.source:
        case "none":
            return NoRows()
        case "demo":
            return _demo(settings)
        case "sql":
            url = settings.sql.url.reveal() if settings.sql.url else ""
            return _sql(settings, url, settings.sql.queries)
        case "omnicrm":
            from mailworker.crm.omnicrm import OmnicrmRows

            return OmnicrmRows(settings)
        case "http":
            from mailworker.crm.http_auth import login_of
            from mailworker.crm.http_rows import HttpRows

            return HttpRows(settings.http, login_of(settings.http), settings.page_size)


def _sql(settings: CrmSettings, url: str, queries: Mapping[Question, str]) -> RowSource:
    from mailworker.crm.sql_connection import connect_read_only
    from mailworker.crm.sql_rows import SqlRows

    engine = connect_read_only(url, settings.sql.timeout.total_seconds(), settings.timezone)
    return SqlRows(engine, queries, settings.page_size, settings.timezone)


def _demo(settings: CrmSettings) -> RowSource:
    from mailworker.crm.demo import demo_queries, ensure_demo

    demo = settings.demo
    today = clock.utc_now().astimezone(settings.timezone).date()
    ensure_demo(demo.path, today, customers=demo.customers, seed=demo.seed)
    return _sql(settings, f"sqlite:///{demo.path}", demo_queries())
