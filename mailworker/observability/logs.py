"""Log lines: one event each, with its facts as fields, redacted, as text for people or JSON for machines."""

import logging
import os
import re
import sys
from collections.abc import Mapping
from typing import Any

import structlog

from mailworker.observability.redaction import redact_event
from mailworker.observability.tracebacks import place_exception

#: Celery's logger of what comes from the queues, and how it writes the name of a task that nobody knows.
_CONSUMER = "celery.worker.consumer.consumer"
_TASK_NAME = re.compile(r"unregistered task of type (?:KeyError\()?'?([\w.]{1,100})'")

_SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def configure_logs(environ: Mapping[str, str] = os.environ) -> None:
    """Send all log lines, the libraries' too, to standard error.

    `LOG_FORMAT=json` writes a JSON object a line; `LOG_LEVEL` is a level's name (default INFO).
    """
    as_json = environ.get("LOG_FORMAT") == "json"
    last: Any = (
        structlog.processors.JSONRenderer() if as_json else structlog.dev.ConsoleRenderer(colors=False)
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(_without_message_bodies)
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


def _without_message_bodies(record: logging.LogRecord) -> bool:
    """Celery quotes whole messages that it cannot take, and people's data are in them: log less."""
    if record.name == _CONSUMER and "body" in str(record.msg):
        message = record.getMessage() if "unregistered task" in str(record.msg) else ""
        name = _TASK_NAME.search(message)
        record.msg = (
            f"A message was thrown away: no worker knows a task {name[1]}; correct its name."
            if name
            else "A message was thrown away: it is no task that a worker can read."
        )
        record.args = None
    return True


def _to_standard_error(*_: Any) -> structlog.PrintLogger:
    return structlog.PrintLogger(sys.stderr)


# Until a process says otherwise: standard output belongs to what a command answers, its JSON above all.
structlog.configure(logger_factory=_to_standard_error)


def get_log(name: str) -> Any:
    """A logger whose calls take an event and fields: `log.info("sent", messages=50)`."""
    return structlog.get_logger(name)
