"""Where CRM data comes from."""

from mailworker.config.crm import CrmSettings
from mailworker.crm.crm_interface import CrmSource, RecordPage

__all__ = ["CrmSource", "RecordPage", "open_source"]


def open_source(settings: CrmSettings) -> CrmSource:
    """The CRM that the configuration names. Close it when done; open it anew in each worker process.

    Connects at the first question only. Raises Misconfigured where a driver is missing or a URL is no URL.
    """
    from mailworker.crm.open_row_source import open_rows  # noqa: PLC0415 - SQLAlchemy and requests wait until needed
    from mailworker.crm.record_source import RecordSource  # noqa: PLC0415

    return RecordSource(open_rows(settings), settings.timezone, settings.status_words)
