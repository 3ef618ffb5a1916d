"""Log lines: one event each, with its facts as fields, redacted, as text for people or JSON for machines."""

import logging
import os
import sys
from collections.abc import Callable, Mapping
from typing import Any

import structlog

from mailworker.observability.redaction import redact_event
from mailworker.observability.tracebacks import place_exception

_SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def configure_logs(
    environ: Mapping[str, str] = os.environ, change: Callable[[logging.LogRecord], bool] | None = None
) -> None:
    """Send all log lines, the libraries' too, to standard error.

    `change` mends a record before anything is written of it. `LOG_FORMAT=json` writes a JSON object a line;
    `LOG_LEVEL` is a level's name (default INFO).
    """
    as_json = environ.get("LOG_FORMAT") == "json"
    last: Any = (
        structlog.processors.JSONRenderer() if as_json else structlog.dev.ConsoleRenderer(colors=False)
    )
    handler = logging.StreamHandler(sys.stderr)
    if change is not None:
        handler.addFilter(change)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_SHARED,
            processors=[
                place_exception,
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                redact_event,
                last,
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=environ.get("LOG_LEVEL", "INFO").upper(), force=True)
    structlog.configure(
        processors=[*_SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )


def _to_standard_error(*_: Any) -> structlog.PrintLogger:
    return structlog.PrintLogger(sys.stderr)


# Until a process says otherwise: standard output belongs to what a command answers, its JSON above all.
structlog.configure(logger_factory=_to_standard_error)


def get_log(name: str) -> Any:
    """A logger whose calls take an event and fields: `log.info("sent", messages=50)`."""
    return structlog.get_logger(name)
